package dev.postrider.tenancy;

import java.util.UUID;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spring.spi.SpringTransactionPolicy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The policy behind {@code - transacted: {ref: workspace}}: one transaction on the tenant data source, whose first act
 * is to name the workspace of the exchange property {@code workspaceId}.
 *
 * <p>The setting ends with the transaction, so nothing leaks through a pool. Before the commit it is read again: a route
 * whose SQL changed it is rolled back. Without a workspace nothing is run.
 */
public final class WorkspaceTransactionPolicy extends SpringTransactionPolicy {

    /** The exchange property that holds the workspace's id; headers could be shadowed by a caller. */
    public static final String WORKSPACE = "workspaceId";

    /** The exchange property that says who acts, for the audit trail; optional. */
    public static final String ACTOR = "actor";

    /** The exchange property that is true after a route has rolled its transaction back without an exception. */
    public static final String ROLLED_BACK = "rolledBack";

    private static final String NAME_WORKSPACE =
            "select set_config('app.active_workspace', ?, true), set_config('app.actor', ?, true)";
    private static final String ACTIVE_WORKSPACE = "select current_setting('app.active_workspace', true)";

    private final JdbcTemplate jdbc;

    public WorkspaceTransactionPolicy(PlatformTransactionManager transactions, JdbcTemplate jdbc) {
        super(transactions);
        this.jdbc = jdbc;
    }

    @Override
    public Processor wrap(Route route, Processor processor) {
        return super.wrap(route, new DelegateAsyncProcessor(processor) {
            @Override
            public boolean process(Exchange exchange, AsyncCallback callback) {
                String workspace;
                try {
                    workspace = workspaceOf(exchange, route.getRouteId());
                    String actor = exchange.getProperty(ACTOR, "route:" + route.getRouteId(), String.class);
                    jdbc.query(NAME_WORKSPACE, row -> {}, workspace, actor);
                } catch (RuntimeException e) {
                    exchange.setException(e);
                    callback.done(true);
                    return true;
                }
                return super.process(exchange, doneSync -> {
                    if (exchange.isRollbackOnly() || exchange.isRollbackOnlyLast()) {
                        exchange.setProperty(ROLLED_BACK, true); // Camel forgets it, and the exception with it
                    }
                    if (exchange.getException() == null
                            && !exchange.isRollbackOnly()
                            && !exchange.isRollbackOnlyLast()) {
                        refuseAnotherWorkspace(exchange, workspace, route.getRouteId());
                    }
                    callback.done(doneSync);
                });
            }
        });
    }

    private static String workspaceOf(Exchange exchange, String routeId) {
        Object workspace = exchange.getProperty(WORKSPACE);
        if (workspace == null) {
            throw new IllegalStateException(
                    "Route %s opens a workspace transaction, but the exchange has no property %s. Start the route from"
                                    .formatted(routeId, WORKSPACE)
                            + " kamelet:task-source or kamelet:webhook-source, which set it, or set it before the call.");
        }
        return UUID.fromString(workspace.toString()).toString();
    }

    private void refuseAnotherWorkspace(Exchange exchange, String workspace, String routeId) {
        try {
            String active = jdbc.queryForObject(ACTIVE_WORKSPACE, String.class);
            if (!workspace.equals(active)) {
                exchange.setException(new IllegalStateException(
                        // The other workspace is not named: the text is kept with this one's task.
                        "Route %s would commit in another workspace than it began in: rolled back. Remove the SQL that"
                                        .formatted(routeId)
                                + " sets app.active_workspace."));
            }
        } catch (RuntimeException e) {
            exchange.setException(e);
        }
    }
}
