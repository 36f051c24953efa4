// Search by words in a folder of pages, from a disk, without a server. `broadsheetIndex` comes from search-words.js.
"use strict";

const form = document.querySelector("form");
const field = form.elements.q;
const hits = document.querySelector("ol.list");
const told = document.getElementById("told");
const words = Object.keys(broadsheetIndex.words);

function numbersOf(part) {
  const found = new Set();
  for (const word of words) {
    if (word.startsWith(part)) for (const number of broadsheetIndex.words[word]) found.add(number);
  }
  return found;
}

function search() {
  const parts = field.value.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}]+/gu) || [];
  const sets = parts.map(numbersOf);
  const numbers = sets.length ? [...sets[0]].filter((number) => sets.every((set) => set.has(number))) : [];
  hits.replaceChildren(...numbers.sort((a, b) => a - b).slice(0, 200).map((number) => {
    const [name, title, day] = broadsheetIndex.articles[number];
    const line = document.createElement("li");
    const date = document.createElement("span");
    const link = document.createElement("a");
    date.textContent = day;
    link.textContent = title;
    link.href = name;
    link.dir = "auto";
    line.append(date, link);
    return line;
  }));
  told.textContent = parts.length ? `${numbers.length} found${numbers.length > 200 ? ", the newest 200 are shown" : ""}` : "";
}

form.addEventListener("submit", (event) => event.preventDefault());
field.addEventListener("input", search);
search();
