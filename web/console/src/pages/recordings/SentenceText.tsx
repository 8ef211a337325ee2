import { Fragment } from "react";

/** A step's sentence; what stands between two asterisks on each side is the name of a field and stands out. */
export const SentenceText = ({ text }: { text: string }) => (
  <span>
    {text.split("**").map((part, index) => (index % 2 === 1 ? <strong key={index}>{part}</strong> : <Fragment key={index}>{part}</Fragment>))}
  </span>
);
