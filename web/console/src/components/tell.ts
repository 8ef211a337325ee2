/** Short messages at the edge of the page, read aloud to those who do not see them. */
import { notifications } from "@mantine/notifications";

import { sentenceOf } from "../api/problem";
import { texts } from "../texts";

export const tell = (message: string): void => {
  notifications.show({ message, withBorder: true, closeButtonProps: { "aria-label": texts.common.dismiss }, autoClose: 5_000 });
};

export const tellProblem = (error: unknown): void => {
  notifications.show({ message: sentenceOf(error), color: "yellow", withBorder: true, closeButtonProps: { "aria-label": texts.common.dismiss }, autoClose: 10_000 });
};
