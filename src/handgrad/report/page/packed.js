// What lies in the page compressed (gzip, base64): libraries, the numbers of plots and runs, pictures for print.
const unpacked = async (id) => {
  const letters = atob(document.getElementById(id).textContent), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);  // Uint8Array.from with a function is slower
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};

// A library as a script of its own; the page's policy knows its hash.
const runScript = (code) => {
  document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
};
