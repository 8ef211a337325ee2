import { texts } from "../texts";

/** The sign (a circle that is watched over) and the name. */
export const Wordmark = ({ size = 22 }: { size?: number }) => (
  <span className="row-tight" style={{ gap: 9 }}>
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden focusable="false">
      <rect width="24" height="24" rx="5.5" fill="#0b6675" />
      <path d="M16.6 8.1A6 6 0 1 0 16.6 15.9" fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" />
      <circle cx="17.6" cy="12" r="2" fill="#fff" />
    </svg>
    <span style={{ fontWeight: 650, fontSize: size * 0.7, letterSpacing: "-0.015em", color: "var(--ink)" }}>{texts.product}</span>
  </span>
);
