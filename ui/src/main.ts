import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { Model } from "./lib/model.svelte";
import { Screen } from "./lib/screen.svelte";
import { theme } from "./lib/theme.svelte";
import { connect } from "./lib/transport";

theme.start();
const target = document.getElementById("app");
if (target) {
  const model = new Model(await connect());
  mount(App, { target, props: { model, screen: new Screen(model) } });
}
