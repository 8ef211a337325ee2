import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Directory } from "../../api/types";
import * as can from "../../can";
import { Loaded } from "../../components/Loaded";
import { ProblemNote } from "../../components/ProblemNote";
import { tell } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { CopyId } from "../../ui/CopyId";
import { EmptyState } from "../../ui/EmptyState";
import { Fact, Facts } from "../../ui/Facts";
import { Page, Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { Time } from "../../ui/Time";
import { useSearchState } from "../../ui/useSearchState";
import { AccountsTable } from "../accounts/AccountsTable";
import { ConnectionForm } from "./ConnectionForm";
import { ConnectionTest } from "./ConnectionTest";
import { ImportPanel } from "./ImportPanel";
import { RemoveDialog } from "./RemoveDialog";
import { isKind, toRead, valuesOf } from "./settings";
import { Steps } from "./Steps";

const words = texts.directories;
/** As many accounts as a directory's own page shows. */
const SHOWN = 10;
/** A button in the head of a section. */
const SMALL = { size: "compact-sm", h: 26, px: 9, fz: 12.5 } as const;
const trail = <Link to={paths.directories}>{words.title}</Link>;

export const DirectoryPage = () => {
  const { id = "" } = useParams();
  const directory = useQuery(queries.directory(id));
  if (directory.data) return <One directory={directory.data} />;
  return (
    <Page title={words.name} product={texts.product} trail={trail}>
      <Loaded query={directory}>{() => null}</Loaded>
    </Page>
  );
};

const One = ({ directory }: { directory: Directory }) => {
  const manage = can.manageDirectories(useMe());
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params] = useSearchState();
  const [removing, setRemoving] = useState(false);
  const guided = params.get("step") === "added";
  const kind = texts.directoryKind[directory.kind];
  const builtIn = directory.kind === "built_in";
  const changeable = !builtIn && directory.removed_at === null;
  return (
    <Page
      title={directory.name}
      product={texts.product}
      trail={trail}
      lead={`${kind.label}. ${kind.holds}`}
      actions={changeable && !guided ? <RefusableButton variant="default" refusal={manage.allowed ? null : manage.reason} onClick={() => setRemoving(true)}>{words.remove}</RefusableButton> : undefined}
    >
      {guided && <Steps at={directory.import?.state === "done" ? "link" : "import"} />}
      {builtIn ? (
        <p className="soft">{words.builtIn}</p>
      ) : (
        <div className="columns">
          <div><ImportPanel directory={directory} guided={guided} /></div>
          <div><ConnectionSection directory={directory} changeable={changeable && manage.allowed} /></div>
        </div>
      )}
      <AccountsSection directory={directory} />
      {removing && (
        <RemoveDialog
          directory={directory}
          onClose={() => setRemoving(false)}
          onDone={() => {
            void client.invalidateQueries({ queryKey: ["directory"] });
            void navigate(paths.directories);
          }}
        />
      )}
    </Page>
  );
};

const ConnectionSection = ({ directory, changeable }: { directory: Directory; changeable: boolean }) => {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const { kind, settings } = directory;
  const test = useMutation({ mutationFn: () => calls.testDirectory(directory.id) });
  const read: ReactNode =
    isKind(kind) && settings !== null ? (
      toRead(kind, settings).map(({ label, value, mono }) => (
        <Fact key={label} name={label}>
          <span className={mono ? "mono" : ""}>{value}</span>
        </Fact>
      ))
    ) : (
      <p className="soft">{words.noSettings}</p>
    );
  return (
    <Section
      title={words.connection}
      aside={
        changeable ? (
          <span className="row">
            <Button {...SMALL} variant="default" onClick={() => setEditing(true)}>
              {texts.common.edit}
            </Button>
            <Button {...SMALL} variant="default" loading={test.isPending} onClick={() => test.mutate()}>
              {words.test}
            </Button>
          </span>
        ) : undefined
      }
    >
      {test.data && <div style={{ paddingTop: 10 }}><ConnectionTest tested={test.data} /></div>}
      {test.error && <ProblemNote error={test.error} />}
      <Facts>
        {read}
        <Fact name={words.created}>
          <Time at={directory.created_at} />
        </Fact>
        {directory.removed_at !== null && (
          <Fact name={words.removedAt}>
            <Time at={directory.removed_at} />
          </Fact>
        )}
        <Fact name={words.id}>
          <CopyId id={directory.id} copyLabel={texts.common.copy} copiedLabel={texts.common.copied} />
        </Fact>
      </Facts>
      {editing && isKind(kind) && settings !== null && (
        <Modal opened size="lg" onClose={() => setEditing(false)} title={`${words.change}: ${directory.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
          <ConnectionForm
            kind={kind}
            name={directory.name}
            values={valuesOf(kind, settings)}
            action={words.save}
            save={(name, changed) => calls.changeDirectory(directory.id, { name, settings: changed, version: directory.version })}
            onSaved={(saved) => {
              client.setQueryData(queries.directory(directory.id).queryKey, saved);
              void client.invalidateQueries({ queryKey: ["directory"] });
              test.reset();
              tell(words.saved);
              setEditing(false);
            }}
          />
        </Modal>
      )}
    </Section>
  );
};

const AccountsSection = ({ directory }: { directory: Directory }) => {
  const accounts = useQuery(queries.accounts({ directory_id: directory.id, limit: SHOWN }));
  return (
    <Section title={words.accountsOf} aside={directory.accounts > 0 ? <Link to={paths.accounts({ directory_id: directory.id })}>{words.allAccounts(directory.accounts)}</Link> : undefined}>
      {accounts.error && !accounts.data ? (
        <ProblemNote error={accounts.error} onRetry={() => void accounts.refetch()} />
      ) : (
        <AccountsTable list={accounts.data} stale={accounts.isPlaceholderData} withDirectory={false} empty={<EmptyState title={words.noAccounts} hint={words.noAccountsHint} />} />
      )}
    </Section>
  );
};
