/** The bundled worklet as text, put in by build.mjs. */
declare module "worklet:code" {
  const text: string;
  export default text;
}
