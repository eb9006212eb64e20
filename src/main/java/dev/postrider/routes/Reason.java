package dev.postrider.routes;

import org.apache.camel.FailedToCreateRouteException;
import org.apache.camel.FailedToStartRouteException;

/** Picks from a chain of exceptions the sentence that tells an author what to change. */
final class Reason {

    private static final int LONGEST = 300;

    private Reason() {}

    static String of(Throwable failure) {
        Throwable at = failure;
        // Camel wraps the reason in texts that repeat the whole route, and shows the reason last.
        while (at.getCause() != null && at.getCause() != at) {
            at = at.getCause();
        }
        String message = at.getMessage() == null ? at.getClass().getSimpleName() : at.getMessage();
        boolean bare = message.matches("[\\w.$/]+");
        String said = bare ? at.getClass().getSimpleName() + ": " + message : message;
        String oneLine = said.replaceAll("\\s+", " ").strip();
        return oneLine.length() <= LONGEST ? oneLine : oneLine.substring(0, LONGEST) + "…";
    }

    /** The route that Camel was building or starting; empty if it does not say. */
    static String routeId(Throwable failure) {
        if (failure instanceof FailedToStartRouteException start) {
            return start.getRouteId();
        }
        return failure instanceof FailedToCreateRouteException create ? create.getRouteId() : "";
    }
}
