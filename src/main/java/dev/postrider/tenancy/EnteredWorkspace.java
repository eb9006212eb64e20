package dev.postrider.tenancy;

import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.SafeCopyProperty;

/**
 * The workspace for which an exchange came in: a task's, a webhook's or an API key's.
 *
 * <p>It follows the exchange and its copies through every hop. No step of a route sees, changes or removes it.
 */
public record EnteredWorkspace(String id) implements SafeCopyProperty {

    private static final String KEY = EnteredWorkspace.class.getName();

    /**
     * Says for whom an exchange came in, and tells its routes by the property {@code workspaceId}.
     *
     * @param workspace a UUID or its text, as the routes are to see it
     */
    public static void set(Exchange exchange, Object workspace) {
        exchange.getExchangeExtension().setSafeCopyProperty(KEY, new EnteredWorkspace(workspace.toString()));
        exchange.setProperty(WorkspaceTransactionPolicy.WORKSPACE, workspace);
    }

    /** Empty for an exchange that came in for nobody, such as a timer's. */
    static Optional<EnteredWorkspace> of(Exchange exchange) {
        return Optional.ofNullable(exchange.getExchangeExtension().getSafeCopyProperty(KEY, EnteredWorkspace.class));
    }

    @Override
    public SafeCopyProperty safeCopy() {
        return this;
    }
}
