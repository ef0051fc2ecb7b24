import type { Translate } from "../i18n";

export const kMostPictures = 16;
const kMostBytes = 8 * 1024 * 1024;

/** A PNG or JPEG file as a data: URL, as the API takes it. */
export function readPicture(file: File, t: Translate): Promise<string> {
  if (!["image/png", "image/jpeg"].includes(file.type)) return Promise.reject(new Error(t("pictureType", { name: file.name })));
  if (file.size > kMostBytes) return Promise.reject(new Error(t("pictureSize", { name: file.name })));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new Error(t("pictureUnread", { name: file.name })));
    reader.readAsDataURL(file);
  });
}
