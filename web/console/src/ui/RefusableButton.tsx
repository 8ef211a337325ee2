/** A button that stays where it is when it may not be pressed, and says why. */
import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { MouseEvent, ReactNode } from "react";

interface Props extends ButtonProps {
  type?: "button" | "submit";
  /** Why it may not be pressed now; null when it may. */
  refusal: string | null;
  onClick: () => void;
  children: ReactNode;
}

export const RefusableButton = ({ refusal, onClick, children, ...rest }: Props) => {
  if (refusal === null)
    return (
      <Button onClick={onClick} {...rest}>
        {children}
      </Button>
    );
  return (
    <Tooltip label={refusal} multiline maw={320} withArrow events={{ hover: true, focus: true, touch: true }}>
      <Button {...rest} variant="default" aria-disabled data-disabled onClick={(event: MouseEvent) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
};
