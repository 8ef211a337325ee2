import { texts } from "../texts";
import { Page } from "../ui/Page";

export const NotFound = () => (
  <Page title={texts.common.notFound} product={texts.product} lead={texts.common.notFoundHint}>
    {null}
  </Page>
);
