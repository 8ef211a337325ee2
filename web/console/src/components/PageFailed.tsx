import { Button } from "@mantine/core";

import { texts } from "../texts";
import { Page } from "../ui/Page";

/** A page broke, or a newer console is installed and this one's files are gone: a reload helps. */
export const PageFailed = () => (
  <Page title={texts.common.pageFailed} product={texts.product}>
    <Button onClick={() => window.location.reload()}>{texts.common.reload}</Button>
  </Page>
);
