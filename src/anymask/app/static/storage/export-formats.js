/** The formats of exports by a server. */
import { t } from "../language.js";

/** What people call the formats. @type {[string, string][]} */
export const EXPORT_FORMATS = [
  ["coco", "COCO (JSON)"],
  ["yolo", t("YOLO segmentation")],
  ["cvat", "CVAT (XML)"],
  ["cvatvideo", t("CVAT for video (XML)")],
  ["davis", t("DAVIS, a map of objects for each frame")],
  ["mots", t("MOTS, a text for each video")],
  ["youtubevos", t("YouTube-VOS, maps of objects and their labels")],
  ["labelme", "LabelMe (JSON)"],
  ["labelstudio", "Label Studio (JSON)"],
  ["geojson", t("GeoJSON in pixels")],
  ["instances", t("PNG, one number for each mask")],
  ["labels", t("PNG, one number for each label")],
  ["masks", t("PNG, one file for each mask")],
  ["npz", "NumPy"],
  ["sa1b", "SA-1B (JSON)"],
  ["svg", "SVG"],
  ["voc", t("Pascal VOC, maps of classes and objects")],
];
