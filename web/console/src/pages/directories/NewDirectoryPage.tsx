/** Adding a directory: its kind, its connection, and on to the import of its accounts. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import * as can from "../../can";
import { tell, tellProblem } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import type { AddedKind } from "../../texts-directories";
import { EmptyState } from "../../ui/EmptyState";
import { Page } from "../../ui/Page";
import { useSearchState } from "../../ui/useSearchState";
import { ConnectionForm } from "./ConnectionForm";
import { KindIcon } from "./KindIcon";
import classes from "./NewDirectoryPage.module.css";
import { isKind, KINDS, presetsOf } from "./settings";
import { Steps } from "./Steps";

const words = texts.directories;

export const NewDirectoryPage = () => {
  const manage = can.manageDirectories(useMe());
  const [params] = useSearchState();
  const kind = params.get("kind");
  return (
    <Page narrow title={words.add} product={texts.product} trail={<Link to={paths.directories}>{words.title}</Link>}>
      {!manage.allowed ? (
        <EmptyState title={manage.reason} />
      ) : isKind(kind) ? (
        <Connection key={kind} kind={kind} />
      ) : (
        <>
          <Steps at="kind" />
          <KindCards />
        </>
      )}
    </Page>
  );
};

const KindCards = () => (
  <>
    <h2 className={classes["question"]}>{words.chooseKind}</h2>
    <ul className={classes["cards"]}>
      {KINDS.map((kind) => (
        <li key={kind}>
          <Link to={paths.newDirectory(kind)} className={classes["card"] ?? ""}>
            <KindIcon kind={kind} size={22} />
            <span className="stack">
              <span className="strong">{texts.directoryKind[kind].label}</span>
              <span className="small soft">{texts.directoryKind[kind].holds}</span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  </>
);

const Connection = ({ kind }: { kind: AddedKind }) => {
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <>
      <Steps at="connection" />
      <ConnectionForm
        kind={kind}
        name={texts.directoryKind[kind].label}
        values={presetsOf(kind)}
        action={words.addAndImport}
        save={calls.createDirectory}
        onSaved={(directory) => {
          tell(words.added);
          void calls.importAccounts(directory.id).then(
            (importing) => client.setQueryData(queries.directory(directory.id).queryKey, importing),
            tellProblem,
          ).finally(() => {
            void client.invalidateQueries({ queryKey: ["directory"] });
            void navigate(paths.directory(directory.id, "added"));
          });
        }}
      >
        <Button component={Link} to={paths.newDirectory()} variant="subtle">
          {words.changeKind}
        </Button>
      </ConnectionForm>
    </>
  );
};
