"use strict";
// What every part of the page's script writes with. Text from models only ever becomes text nodes; characters that turn
// the direction of writing are shown as codes.
const plain = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase()}]`);
function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(typeof child === "string" ? plain(child) : child);
  return element;
}
function shape(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, typeof value === "string" ? plain(value) : value);
  element.append(...children.map((child) => (typeof child === "string" ? plain(child) : child)));
  return element;
}
const count = (value) => Number(value).toLocaleString("en-GB");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : /[sxh]$/.test(word) ? "es" : "s"}`;

function answered(answer) {
  if (!answer || (answer[1] === null && !answer[0])) return "no answer";
  return answer[1] === null ? `could not be read: ${answer[0].slice(0, 80)}` : answer[1];
}
