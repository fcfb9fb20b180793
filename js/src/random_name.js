/** A random name: `crypto.randomUUID` is missing on plain http pages. */
export const randomName = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
