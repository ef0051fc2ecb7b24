import { bodyOf, type Question } from "./ask";

/** Inside single quotes a shell reads everything as it stands, but for the quote itself. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same request for a terminal; the key stays out of it. */
export function curlOf(origin: string, model: string, question: Question): string {
  return [`curl -N ${quoted(`${origin}/v1/chat/completions`)}`, `-H "Authorization: Bearer $SIYU_API_KEY"`, `-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(bodyOf(model, question), null, 2))}`].join(" \\\n  ");
}
