import { h } from "../shared/dom";
import { boundsOf, choiceOf, choicesOf, inWords, type Json, type JsonObject, kindOf, problemOf, type Schema } from "./schema";
import { isSame } from "./settings";

/** What edits one value. */
export interface Editor {
  element: HTMLElement;
  /** The value; undefined where what stands there is none. */
  read: () => Json | undefined;
  /** What differs from the value at first, by dotted key. */
  changes: () => Record<string, Json>;
  /** Tells what is wrong, and gives the first control that is; null where all is right. */
  check: () => HTMLElement | null;
  /** Puts back the value at first. */
  reset: () => void;
}

/** What all editors of a form share: definitions, and who hears of changes. */
export interface Form {
  defs: Readonly<Record<string, Schema>>;
  changed: () => void;
}

interface Control {
  element: HTMLInputElement | HTMLSelectElement;
  read: () => Json | undefined;
  write: (value: Json | undefined) => void;
}

let count = 0; // of the page's fields, whose words have ids

/** Edits the value of one key; `value` is what it is now, undefined where it has none yet. */
export function editorOf(form: Form, key: string, schema: Schema, value: Json | undefined): Editor {
  const choices = choicesOf(schema, form.defs).filter((one) => kindOf(one));
  const real = choices.filter(({ type }) => type !== "null");
  if (value !== undefined && choiceOf(value, choices) < 0) return fixed(key, value);
  if (real.length === 1 && real[0]!.type !== "object") return fieldOf(form, key, real[0]!, value, choices.length > 1);
  if (real.length === 1 && choices.length === 1) return groupOf(form, key, real[0]!, value);
  return choiceEditor(form, key, choices, value);
}

/** The fields of an object below one another. */
export function fieldsOf(form: Form, prefix: string, schema: Schema, value: Json | undefined): Editor & { fields: ReadonlyMap<string, Editor> } {
  const given = isObject(value) ? value : {};
  const fields = new Map<string, Editor>();
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (field.const === undefined) fields.set(name, editorOf(form, prefix ? `${prefix}.${name}` : name, field, given[name] ?? field.default));
  }
  const read = () => {
    const found: JsonObject = {};
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const now = field.const ?? fields.get(name)!.read();
      if (now === undefined) return undefined;
      if (!isSame(now, field.default)) found[name] = now;
    }
    return found;
  };
  return {
    element: h("div", { class: "acc-set-fields" }, ...[...fields.values()].map(({ element }) => element)),
    fields,
    read,
    changes: () => Object.assign({}, ...[...fields.values()].map((field) => field.changes())) as Record<string, Json>,
    check: () => [...fields.values()].map((field) => field.check()).find(Boolean) ?? null,
    reset: () => fields.forEach((field) => field.reset()),
  };
}

/** A field with its name above; behind the name what it may be, or what it was. */
function fieldOf(form: Form, key: string, schema: Schema, first: Json | undefined, isNullable: boolean): Editor {
  const id = `acc-set-${++count}`;
  const name = inWords(key.slice(key.lastIndexOf(".") + 1));
  const control = controlOf(schema, isNullable);
  const input = control.element;
  const bounds = h("span", { class: "acc-set-bounds", id: `${id}-bounds` }, schema.type === "array" ? "with commas" : boundsOf(schema));
  const back = h("button", { type: "button", class: "acc-link acc-set-back", hidden: true });
  const problem = h("span", { class: "acc-set-problem", id: `${id}-problem` });
  const isCheck = input instanceof HTMLInputElement && input.type === "checkbox";
  const label = h("label", { for: id, class: "acc-field-name" }, name);
  const head = h("div", { class: "acc-set-head" }, label, bounds, back);
  const element = h("div", { class: isCheck ? "acc-set acc-set-check" : "acc-set", "data-setting": key }, head, input, problem);
  input.id = id;
  input.setAttribute("aria-describedby", `${bounds.id} ${problem.id}`);

  const wrong = () => (isNullable && control.read() === null ? "" : problemOf(schema, control.read()));
  const show = (isTold: boolean) => {
    const isChanged = !isSame(control.read(), first);
    element.classList.toggle("acc-set-changed", isChanged && first !== undefined);
    bounds.hidden = isChanged && first !== undefined;
    back.hidden = !bounds.hidden;
    back.textContent = `was ${told(first)}`;
    back.setAttribute("aria-label", `${name} was ${told(first)}: put it back`);
    const words = wrong();
    if (isTold || !words) problem.textContent = words;
    input.setAttribute("aria-invalid", String(Boolean(problem.textContent)));
  };
  const reset = () => {
    control.write(first);
    show(false);
  };
  back.addEventListener("click", () => {
    reset();
    input.focus();
    form.changed();
  });
  input.addEventListener("input", () => {
    show(input.value !== ""); // at once, so that nothing moves under the pointer when the field is left
    form.changed();
  });
  reset();
  return {
    element,
    read: () => (wrong() ? undefined : control.read()),
    changes: () => {
      const now = control.read();
      return now === undefined || isSame(now, first) ? {} : { [key]: now };
    },
    check: () => {
      show(true);
      return wrong() ? input : null;
    },
    reset,
  };
}

function controlOf(schema: Schema, isNullable: boolean): Control {
  const options = schema.enum ?? (schema.type === "boolean" && isNullable ? [true, false] : undefined);
  if (options) {
    const all: readonly Json[] = isNullable ? [null, ...options] : options;
    const element = h("select", {}, ...all.map((one, i) => h("option", { value: i }, told(one))));
    return { element, read: () => all[Number(element.value)], write: (value) => void (element.value = String(all.indexOf(value ?? null))) };
  }
  if (schema.type === "boolean") {
    const element = h("input", { type: "checkbox" });
    return { element, read: () => element.checked, write: (value) => void (element.checked = value === true) };
  }
  const placeholder = isNullable ? "none" : undefined;
  if (schema.type === "integer" || schema.type === "number") {
    const element = h("input", { type: "number", step: schema.type === "integer" ? 1 : "any", min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum, placeholder });
    const read = () => (element.value === "" ? (isNullable && !element.validity.badInput ? null : undefined) : Number(element.value));
    return { element, read, write: (value) => void (element.value = typeof value === "number" ? String(value) : "") };
  }
  const element = h("input", { type: "text", spellcheck: "false", autocomplete: "off", autocapitalize: "none", placeholder });
  if (schema.type === "array") {
    const read = () => (element.value.trim() === "" && isNullable ? null : partsOf(element.value, schema));
    return { element, read, write: (value) => void (element.value = Array.isArray(value) ? value.join(", ") : "") };
  }
  const read = () => (element.value === "" && isNullable ? null : element.value);
  return { element, read, write: (value) => void (element.value = typeof value === "string" ? value : "") };
}

/** A select of the kind, and what edits a value of it. */
function choiceEditor(form: Form, key: string, choices: readonly Schema[], first: Json | undefined): Editor {
  const name = inWords(key.slice(key.lastIndexOf(".") + 1));
  const id = `acc-set-${++count}`;
  const before = first === undefined ? 0 : choiceOf(first, choices);
  const select = h("select", { id, "aria-label": `Kind of ${name}` }, ...choices.map((one, i) => h("option", { value: i }, kindOf(one))));
  const place = h("div", { class: "acc-set-chosen" });
  const back = h("button", { type: "button", class: "acc-link acc-set-back", hidden: true });
  const head = h("div", { class: "acc-set-head" }, h("label", { for: id, class: "acc-field-name" }, name), back);
  const element = h("div", { class: "acc-set acc-set-choice", role: "group", "aria-label": name, "data-setting": key }, head, select, place);
  let chosen = before;
  let inner: Editor | null = null;

  const show = (value: Json | undefined) => {
    const schema = choices[chosen]!;
    select.value = String(chosen);
    inner = schema.type === "null" ? null : schema.type === "object" ? fieldsOf(within, key, schema, value) : fieldOf(within, key, schema, value, false);
    inner?.element.removeAttribute("data-setting"); // which this element has
    element.classList.toggle("acc-set-wide", schema.type === "object");
    place.replaceChildren(...(inner ? [inner.element] : []));
    mark();
  };
  const changes = () => {
    if (chosen === before && first !== undefined) return inner ? inner.changes() : {};
    const now = inner ? inner.read() : null;
    return now === undefined || isSame(now, first) ? {} : { [key]: now };
  };
  const mark = () => {
    const isChanged = first !== undefined && (chosen !== before || key in changes());
    element.classList.toggle("acc-set-changed", isChanged);
    back.hidden = !isChanged;
  };
  const within: Form = {
    ...form,
    changed: () => {
      mark();
      form.changed();
    },
  };
  const reset = () => {
    chosen = before;
    show(first);
  };
  back.textContent = `was ${isObject(first) ? kindOf(choices[before]!) : told(first)}`;
  back.setAttribute("aria-label", `${name} ${back.textContent}: put it back`);
  back.addEventListener("click", () => {
    reset();
    select.focus();
    form.changed();
  });
  const choose = (next: number) => {
    const value = inner?.read() ?? (chosen === before ? first : undefined);
    chosen = next;
    show(next === before ? first : carried(value, choices[next]!));
    form.changed();
  };
  select.addEventListener("change", () => choose(Number(select.value)));
  show(first);
  return { element, read: () => (inner ? inner.read() : null), changes, check: () => inner?.check() ?? null, reset };
}

function groupOf(form: Form, key: string, schema: Schema, value: Json | undefined): Editor {
  const inner = fieldsOf(form, key, schema, value);
  const name = inWords(key.slice(key.lastIndexOf(".") + 1));
  const head = h("div", { class: "acc-set-head" }, h("span", { class: "acc-field-name" }, name));
  const element = h("div", { class: "acc-set acc-set-choice acc-set-wide", role: "group", "aria-label": name, "data-setting": key }, head, inner.element);
  return { ...inner, element };
}

/** A value that a form has no controls for, as text. */
function fixed(key: string, value: Json): Editor {
  const head = h("div", { class: "acc-set-head" }, h("span", { class: "acc-field-name" }, inWords(key.slice(key.lastIndexOf(".") + 1))), h("span", { class: "acc-set-bounds" }, "as it is"));
  return {
    element: h("div", { class: "acc-set", "data-setting": key }, head, h("code", { class: "acc-set-fixed" }, JSON.stringify(value))),
    read: () => value,
    changes: () => ({}),
    check: () => null,
    reset: () => undefined,
  };
}

/** What a value of one kind says for another: fields of the same names, and a number for all that have none yet. */
function carried(value: Json | undefined, schema: Schema): Json | undefined {
  const numbers = isObject(value) ? Object.entries(value).filter(([, one]) => typeof one === "number") : [];
  if (schema.type === "number" || schema.type === "integer") return (numbers.find(([key]) => key === "end" || key === "value") ?? numbers[0])?.[1];
  if (schema.type !== "object") return undefined;
  const fields = Object.entries(schema.properties ?? {}).filter(([, field]) => field.const === undefined);
  const of = (name: string, field: Schema): Json | undefined => {
    const own = isObject(value) ? value[name] : field.type === "number" && field.default === undefined && typeof value === "number" ? value : undefined;
    return own ?? field.default;
  };
  return Object.fromEntries(fields.map(([name, field]) => [name, of(name, field)]).filter(([, one]) => one !== undefined)) as JsonObject;
}

function partsOf(text: string, schema: Schema): Json[] {
  const words = text.split(",").map((word) => word.trim());
  if (words.at(-1) === "") words.pop();
  return words.map((word, i) => {
    const { type } = schema.prefixItems?.[i] ?? schema.items ?? {};
    return type === "number" || type === "integer" ? (word === "" ? "" : Number(word)) : word;
  });
}

function told(value: Json | undefined): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
