import { h } from "../shared/dom";
import { keepPerson, readPerson } from "./kept";
import { wrongName } from "./lines";

/** Who is labelling; asked for where this browser does not know it. */
export class Person {
  readonly element = h("div", { class: "acc-label-who" });
  private known = readPerson();

  /** `onChange` hears of another name. */
  constructor(private readonly onChange: () => void) {
    this.draw();
  }

  /** "" until a name is given. */
  get name(): string {
    return this.known;
  }

  /** Puts the focus where the name is asked for. */
  ask(): void {
    this.element.querySelector("input")?.focus();
  }

  private rename(name: string): void {
    this.known = name;
    if (name) keepPerson(name);
    this.draw();
    this.onChange();
  }

  private draw(): void {
    this.element.dataset["state"] = this.known ? "known" : "asks";
    if (this.known) {
      const change = h("button", { type: "button", class: "acc-link", onclick: () => this.rename("") }, "change");
      this.element.replaceChildren(h("span", { class: "acc-field-name" }, "Labels are kept as"), h("span", { class: "acc-label-person" }, h("strong", {}, this.known), change));
      return;
    }
    const name = h("input", { type: "text", name: "person", maxlength: 80, autocomplete: "name", placeholder: "Your name", "aria-label": "Your name", "aria-describedby": "acc-label-name-problem" });
    const problem = h("p", { id: "acc-label-name-problem", class: "acc-label-name-problem", role: "alert" });
    const form = h(
      "form",
      {
        onsubmit: (event: Event) => {
          event.preventDefault();
          const given = name.value.trim();
          problem.textContent = wrongName(given);
          if (problem.textContent) name.focus();
          else this.rename(given);
        },
      },
      name,
      h("button", { type: "submit", class: "acc-button" }, "Begin"),
    );
    this.element.replaceChildren(h("span", { class: "acc-field-name" }, "Who is labelling?"), form, problem);
  }
}
