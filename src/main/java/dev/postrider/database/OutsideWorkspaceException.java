package dev.postrider.database;

import org.springframework.dao.InvalidDataAccessApiUsageException;

/** Tenant SQL was about to run outside a workspace transaction; nothing was sent to the database. */
public final class OutsideWorkspaceException extends InvalidDataAccessApiUsageException {

    private static final long serialVersionUID = 1;

    OutsideWorkspaceException() {
        this("");
    }

    private OutsideWorkspaceException(String place) {
        super("SQL on #tenant outside a workspace transaction was not run" + place
                + ": put the step into a route of its own in the same file, whose first step is"
                + " '- transacted: {ref: workspace}', and call that with direct:…");
    }

    /** The same, saying where. */
    public OutsideWorkspaceException at(String place) {
        OutsideWorkspaceException located = new OutsideWorkspaceException(" (" + place + ")");
        located.setStackTrace(getStackTrace());
        return located;
    }
}
