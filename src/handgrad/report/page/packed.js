// What lies in the page compressed (gzip, base64): libraries, the numbers of plots and runs, pictures for print.
const unpacked = async (id) => {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};

// A library as a script of its own; the page's policy knows its hash.
const runScript = (code) => {
  document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
};
