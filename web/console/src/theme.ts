import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** The one accent: a quiet petrol, dark enough for white text, light enough on dark surfaces. */
const accent: MantineColorsTuple = ["#e8f5f7", "#d3e9ed", "#a5d2da", "#74bac7", "#4fa7b7", "#38929f", "#1f7e8d", "#0b6675", "#08525f", "#053f4a"];
/** Recording and danger, nothing else. */
const red: MantineColorsTuple = ["#fdecec", "#f9d6d6", "#f0aaaa", "#e97c7c", "#e35555", "#da3b3b", "#cf2f2f", "#b92323", "#9d1c1c", "#7f1515"];
const dark: MantineColorsTuple = ["#e4e8ea", "#b4bcc1", "#98a2a8", "#6d777d", "#3b444a", "#2a3237", "#1f262a", "#171c1f", "#111517", "#0b0e10"];

export const theme = createTheme({
  colors: { accent, red, dark },
  primaryColor: "accent",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  fontFamily: 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "12px", sm: "13.5px", md: "14px", lg: "16px", xl: "18px" },
  defaultRadius: 5,
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "compact-md", fw: 500 }, styles: { root: { height: 32, paddingInline: 12, fontSize: 13.5 } } },
    TextInput: { defaultProps: { size: "sm" } },
    Tooltip: { defaultProps: { transitionProps: { duration: 0 } } },
    Menu: { defaultProps: { transitionProps: { duration: 0 }, shadow: "md" } },
    Modal: { defaultProps: { transitionProps: { duration: 0 }, centered: true, radius: 8, overlayProps: { backgroundOpacity: 0.35 } } },
    Drawer: { defaultProps: { transitionProps: { duration: 0 } } },
    Select: { defaultProps: { comboboxProps: { transitionProps: { duration: 0 }, shadow: "md" } } },
    MultiSelect: { defaultProps: { comboboxProps: { transitionProps: { duration: 0 }, shadow: "md" } } },
  },
});
