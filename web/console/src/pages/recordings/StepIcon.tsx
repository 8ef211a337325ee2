import {
  IconArrowsMove, IconCheckbox, IconClick, IconClipboardCopy, IconClipboardText, IconCompass, IconDownload, IconEye, IconEyeOff, IconFileUpload, IconForms, IconKeyboard, IconListCheck,
  IconMessageDots, IconPointer, IconPrinter, IconSend, IconWindow, IconWindowMaximize,
} from "@tabler/icons-react";
import { createElement } from "react";

/** One sign per kind of step. */
const ICONS: Record<string, typeof IconClick> = {
  click: IconClick, double_click: IconClick, change: IconForms, select: IconListCheck, check: IconCheckbox, submit: IconSend, key: IconKeyboard, navigate: IconCompass, paste: IconClipboardText,
  copy: IconClipboardCopy, drag: IconArrowsMove, file_pick: IconFileUpload, download: IconDownload, print: IconPrinter, dialog: IconMessageDots, window_open: IconWindowMaximize, tab_show: IconEye, tab_hide: IconEyeOff, page: IconWindow,
};

export const StepIcon = ({ kind }: { kind: string }) => createElement(ICONS[kind] ?? IconPointer, { size: 16, stroke: 1.6, "aria-hidden": true });
