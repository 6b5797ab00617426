/* JSON files come as the text they are (see loader in build.mjs). */
declare module "*.json" {
  const text: string;
  export default text;
}
