import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { Model } from "./lib/model.svelte";
import { Screen } from "./lib/screen.svelte";
import { groups, zoom } from "./lib/preferences.svelte";
import { messages } from "./lib/text/messages.svelte";
import { contrast, theme } from "./lib/theme.svelte";
import { connect } from "./lib/transport";

theme.start();
contrast.start();
zoom.start();
groups.start();
await messages.start();
const target = document.getElementById("app");
if (target) {
  const model = new Model(await connect());
  mount(App, { target, props: { model, screen: new Screen(model) } });
}
