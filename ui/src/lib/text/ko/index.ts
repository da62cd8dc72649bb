import { acts } from "./acts";
import { applications } from "./applications";
import { common } from "./common";
import { containers } from "./containers";
import { images } from "./images";
import { objects } from "./objects";
import { system } from "./system";

/** The texts by what they speak of; none is in two of them. */
export const parts = [common, applications, containers, images, objects, system, acts];

/** Korean. A test sees to it that nothing is missing and nothing is left over. */
export const ko: Readonly<Record<string, string>> = { ...common, ...applications, ...containers, ...images, ...objects, ...system, ...acts };
