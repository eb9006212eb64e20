package dev.postrider.api;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.apache.coyote.ActionCode;

/** Answers with a problem document what the server refuses before anything of ours sees it, such as a path that is none. */
final class ServerProblems extends ErrorReportValve {

    private final ProblemWriter problems;

    ServerProblems(ProblemWriter problems) {
        this.problems = problems;
    }

    @Override
    protected void report(Request request, Response response, Throwable throwable) {
        if (response.getStatus() < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
            return;
        }
        AtomicBoolean open = new AtomicBoolean();
        response.getCoyoteResponse().action(ActionCode.IS_IO_ALLOWED, open);
        if (!open.get()) {
            return;
        }
        try {
            problems.write(Problem.of(response.getStatus(), "The server could not take this for a request."), response);
            response.finishResponse();
        } catch (IOException e) {
            container.getLogger().debug("The sender of a bad request was gone before the answer", e);
        }
    }
}
