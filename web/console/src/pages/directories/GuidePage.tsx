/** The guide about directories, as it stands in the documents: it comes with the console, so it is there without a network. */
import { marked, Renderer } from "marked";
import { useEffect } from "react";
import { Link, useLocation } from "react-router";

import guide from "../../../../../docs/directories.md?raw";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Page } from "../../ui/Page";
import { anchorOf } from "./guide";
import classes from "./GuidePage.module.css";

const renderer = new Renderer();
renderer.heading = function ({ tokens, depth, text }) {
  return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>`;
};
// What is wider than the page scrolls by itself, also by keyboard.
renderer.table = function (token) {
  return `<div class="table" tabindex="0">${Renderer.prototype.table.call(this, token)}</div>`;
};
renderer.code = function (token) {
  return Renderer.prototype.code.call(this, token).replace("<pre>", '<pre tabindex="0">');
};

/** Without its first heading, which is the page's own. */
const html = marked.parse(guide.replace(/^# .*\n/, ""), { async: false, renderer });

export const GuidePage = () => {
  const { hash } = useLocation();
  useEffect(() => {
    if (hash !== "") document.getElementById(hash.slice(1))?.scrollIntoView();
  }, [hash]);
  return (
    <Page narrow title={texts.directories.guideTitle} product={texts.product} trail={<Link to={paths.directories}>{texts.directories.title}</Link>}>
      <div className={classes["guide"]} dangerouslySetInnerHTML={{ __html: html }} />
    </Page>
  );
};
