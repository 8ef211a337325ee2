/** Where the recorded page is shown: a frame on the replay origin, apart from the console. */
import { type RefObject } from "react";

import { replayFrame } from "../../paths";
import { texts } from "../../texts";
import type { Picture } from "./player";
import classes from "./RecordingPage.module.css";

interface Props {
  frame: RefObject<HTMLIFrameElement | null>;
  replayOrigin: string | null;
  picture: Picture;
  page: string;
}

export const Stage = ({ frame, replayOrigin, picture, page }: Props) => (
  <section className={classes["stage"]} aria-label={texts.player.frame}>
    <div className={classes["address"]}>
      <span className="truncate mono">{page}</span>
    </div>
    <div className={classes["screen"]}>
      {replayOrigin === null ? (
        <p className={classes["message"]}>{texts.player.noOrigin}</p>
      ) : (
        // The recorded page's scripts do not run: the replayer draws it in an inner frame without them. `allow-same-origin`
        // is the replay host's own origin, which holds nothing; without it the replayer cannot reach that inner frame.
        <iframe ref={frame} className={classes["frame"]} title={texts.player.frame} sandbox="allow-scripts allow-same-origin" src={replayFrame(replayOrigin, window.location.origin)} />
      )}
      {replayOrigin !== null && picture !== "shown" && (
        <div className={classes["message"]} role="status">
          {picture === "failed" && texts.player.noFrame}
          {picture === "none" && (
            <>
              <strong>{texts.player.noEvents}</strong>
              <br />
              {texts.player.noEventsHint}
            </>
          )}
          {(picture === "connecting" || picture === "loading") && <span className={classes["wait"]}>{texts.player.loading}</span>}
        </div>
      )}
    </div>
  </section>
);
