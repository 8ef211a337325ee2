import { describe, expect, test } from "vitest";

import { type ExportFormat, fileNameOf, rowCounter, shareOf } from "../src/components/rows";

const counted = (format: ExportFormat, pieces: readonly string[]): number | null => {
  const counter = rowCounter(format);
  for (const piece of pieces) counter.read(new TextEncoder().encode(piece));
  return counter.rows();
};

describe("the rows of an export while it passes", () => {
  test("in CSV are its lines without the header, wherever the pieces are cut", () => {
    const text = 'user,agent\r\npaula,"a, b"\r\nnora,"two\r\nlines and a ""quote"""\r\n';
    expect(counted("csv", [text])).toBe(2);
    expect(counted("csv", Array.from(text))).toBe(2);
    expect(counted("csv", ["user,"])).toBe(0);
  });

  test("in JSON lines are its lines; a quote means nothing there", () => {
    expect(counted("jsonl", ['{"a":"x\\ny"}\n{"a":"\\""', "}\n"])).toBe(2);
  });

  test("cannot be seen in a workbook or in columns", () => {
    expect(counted("xlsx", ["PK\n\n"])).toBeNull();
    expect(counted("parquet", ["PAR1\n"])).toBeNull();
  });
});

test("how far it is is known only with rows and a total", () => {
  expect(shareOf(25, 100)).toBe(0.25);
  expect(shareOf(0, 0)).toBe(1);
  expect(shareOf(101, 100)).toBe(1);
  expect(shareOf(null, 100)).toBeNull();
  expect(shareOf(25, null)).toBeNull();
});

test("the file is called as the server says, and never leads into a folder", () => {
  expect(fileNameOf('attachment; filename="sign-ins 1.csv"', "x")).toBe("sign-ins 1.csv");
  expect(fileNameOf("attachment; filename=sign-ins.csv", "x")).toBe("sign-ins.csv");
  expect(fileNameOf('attachment; filename="../etc/passwd"', "x")).toBe(".._etc_passwd");
  expect(fileNameOf(null, "export.csv")).toBe("export.csv");
});
