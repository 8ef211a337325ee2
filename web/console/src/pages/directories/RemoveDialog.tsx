import { Button, Modal } from "@mantine/core";
import { useMutation, useQueries } from "@tanstack/react-query";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import { ApiProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import type { Directory } from "../../api/types";
import { accountNames, nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { StatusBadge } from "../../components/StatusBadge";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { spanText } from "../../ui/time";
import { useNow } from "../../ui/useNow";
import { idsIn } from "./ids";

const words = texts.directories;

/** Removes a directory, or says which sessions need it. */
export const RemoveDialog = ({ directory, onDone, onClose }: { directory: Directory; onDone: () => void; onClose: () => void }) => {
  const remove = useMutation({ mutationFn: () => calls.removeDirectory(directory.id), onSuccess: onDone });
  const needed = remove.error instanceof ApiProblem && remove.error.rule === "directory-in-use" ? idsIn(remove.error.detail) : [];
  return (
    <Modal opened onClose={onClose} title={`${words.remove}: ${directory.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <div className="form">
        <span>{words.removeWhy}</span>
        {needed.length > 0 ? <Needed ids={needed} /> : remove.error && <ProblemNote error={remove.error} />}
        <div className="form-actions">
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {texts.common.remove}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </div>
    </Modal>
  );
};

const Needed = ({ ids }: { ids: readonly string[] }) => {
  const now = useNow(60_000);
  const sessions = useQueries({ queries: ids.map((id) => queries.session(id)) });
  return (
    <div className="note" data-tone="warn" role="alert">
      <div className="stack" style={{ gap: 6 }}>
        <p className="strong">{words.needed}</p>
        <ul style={{ margin: 0, padding: 0, listStyle: "none", display: "grid", gap: 4 }}>
          {ids.map((id, index) => {
            const session = sessions[index]?.data;
            return (
              <li key={id} className="row">
                <Link className="text-link" to={paths.privilegedSession(id)}>{session ? `${accountNames(session)}, ${nameOf(session.user)}` : id}</Link>
                {session && (
                  <>
                    <StatusBadge status={session.status} />
                    <span className="small soft">{spanText(new Date(session.starts_at), new Date(session.ends_at), now)}</span>
                  </>
                )}
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
};
