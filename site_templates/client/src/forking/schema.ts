/** What JSON holds. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** The part of JSON Schema that configurations use. */
export interface Schema {
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
  type?: string;
  const?: Json;
  enum?: readonly Json[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  not?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  prefixItems?: readonly Schema[];
  minItems?: number;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  title?: string;
  description?: string;
  default?: Json;
}

const ENDLESS = 1e9; // a bound from here on is against slips of the hand, and not told

/** The schemas of which a value has to fit one, references followed. */
export function choicesOf(schema: Schema, defs: Readonly<Record<string, Schema>>): Schema[] {
  if (schema.$ref !== undefined) return choicesOf(defs[schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)] ?? {}, defs);
  const several = schema.anyOf ?? schema.oneOf;
  return several ? several.flatMap((one) => choicesOf(one, defs)) : [schema];
}

/** The kind of values that a schema takes, in words; empty where a form has none for it. */
export function kindOf(schema: Schema): string {
  const named = schema.properties?.["type"]?.const;
  if (named !== undefined) return inWords(String(named));
  if (schema.enum) return "choice";
  if (schema.type === "object") return schema.properties ? inWords(schema.title ?? "object") : "";
  if (schema.type === "array") return [schema.items ?? {}, ...(schema.prefixItems ?? [])].some(({ type }) => type === "number" || type === "integer" || type === "string") ? "list" : "";
  return { null: "none", integer: "number", number: "number", string: "text", boolean: "yes or no" }[schema.type ?? ""] ?? "";
}

/** Which of the choices a value is one of; -1 where none. */
export function choiceOf(value: Json | undefined, choices: readonly Schema[]): number {
  return choices.findIndex((schema) => {
    if (schema.enum) return schema.enum.some((one) => one === value);
    if (value === null) return schema.type === "null";
    if (Array.isArray(value)) return schema.type === "array";
    if (typeof value === "object") {
      const { properties } = schema;
      return schema.type === "object" && Object.keys(value).every((key) => properties?.[key]) && (value["type"] ?? null) === (properties?.["type"]?.const ?? null);
    }
    if (typeof value === "number") return schema.type === "number" || (schema.type === "integer" && Number.isInteger(value));
    return schema.type === typeof value;
  });
}

/** What a number may be: "≥ 0", "1 to 180"; empty where it may be any. */
export function boundsOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const most = maximum !== undefined && maximum >= ENDLESS ? undefined : maximum;
  if (minimum !== undefined && most !== undefined) return `${minimum.toLocaleString("en")} to ${most.toLocaleString("en")}`;
  const parts: Array<readonly [string, number | undefined]> = [["≥", minimum], [">", exclusiveMinimum], ["≤", most], ["<", exclusiveMaximum]];
  return parts
    .filter(([, bound]) => bound !== undefined)
    .map(([sign, bound]) => `${sign} ${bound!.toLocaleString("en")}`)
    .join(", ");
}

/** What is wrong with a value of a schema without choices, in words; empty where nothing is. */
export function problemOf(schema: Schema, value: Json | undefined): string {
  if (schema.type === "integer" || schema.type === "number") {
    const noun = schema.type === "integer" ? "a whole number" : "a number";
    const bounds = boundsOf(schema);
    return typeof value === "number" && fits(schema, value) ? "" : `Give ${noun}${bounds && ` ${bounds}`}.`;
  }
  if (schema.type === "array") {
    const items = Array.isArray(value) ? value : [];
    const [least, exact] = [schema.minItems ?? 0, schema.prefixItems?.length];
    const short = exact !== undefined ? items.length !== exact : items.length < least;
    if (value === undefined || short) return exact !== undefined ? `Give ${exact} values with a comma between them.` : `Give ${least ? `at least ${least} ` : ""}values with commas between them.`;
    return items.map((item, i) => problemOf(schema.prefixItems?.[i] ?? schema.items ?? {}, item)).find(Boolean) ?? "";
  }
  if (schema.type !== "string") return "";
  const text = typeof value === "string" ? value : "";
  if (schema.not?.enum?.includes(text)) return `‘${text}’ is taken.`;
  const isRight = text.length >= (schema.minLength ?? 0) && text.length <= (schema.maxLength ?? Infinity) && new RegExp(schema.pattern ?? "").test(text);
  return isRight ? "" : (schema.description ?? "Give another text.");
}

/** "LinearRamp", "linear_ramp": linear ramp. */
export function inWords(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}

function fits(schema: Schema, value: number): boolean {
  return (
    Number.isFinite(value) &&
    (schema.type !== "integer" || Number.isInteger(value)) &&
    value >= (schema.minimum ?? -Infinity) &&
    value > (schema.exclusiveMinimum ?? -Infinity) &&
    value <= (schema.maximum ?? Infinity) &&
    value < (schema.exclusiveMaximum ?? Infinity)
  );
}
