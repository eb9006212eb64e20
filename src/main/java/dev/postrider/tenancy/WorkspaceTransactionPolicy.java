package dev.postrider.tenancy;

import dev.postrider.database.SqlFile;
import dev.postrider.database.TenantDataSource;
import java.util.UUID;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.model.ProcessorDefinition;
import org.apache.camel.spring.spi.SpringTransactionPolicy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.ResourceHolderSupport;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * The policy behind {@code - transacted: {ref: workspace}}: one transaction on the tenant data source, whose first act
 * is to name the workspace of the exchange property {@code workspaceId}.
 *
 * <p>For an exchange that came in for a workspace ({@link EnteredWorkspace}) it has to be that one.
 *
 * <p>The setting ends with the transaction, so nothing leaks through a pool. Before the commit it is read again: a route
 * whose SQL changed it is rolled back. Without a workspace that is active nothing is run.
 *
 * <p>A transacted route that is called inside another one's transaction joins it, if it is for the same workspace. If it
 * fails, all is rolled back, whoever catches the failure. A transaction belongs to its thread.
 */
public final class WorkspaceTransactionPolicy extends SpringTransactionPolicy {

    /** The exchange property that holds the workspace's id; headers could be shadowed by a caller. */
    public static final String WORKSPACE = "workspaceId";

    /** The exchange property that says who acts, for the audit trail; optional. */
    public static final String ACTOR = "actor";

    /** The exchange property that is true after a route has rolled its transaction back without an exception. */
    public static final String ROLLED_BACK = "rolledBack";

    private static final String ENTER = SqlFile.read("queries/enter-workspace.sql");
    private static final String ACTIVE_WORKSPACE = "select current_setting('app.active_workspace', true)";

    private final TenantDataSource tenant;
    private final JdbcTemplate jdbc;
    private final ThreadLocal<Transaction> current = new ThreadLocal<>();

    public WorkspaceTransactionPolicy(PlatformTransactionManager transactions, TenantDataSource tenant) {
        super(transactions);
        this.tenant = tenant;
        this.jdbc = new JdbcTemplate(tenant);
    }

    /** Else the error handler around the step itself would begin the transaction, before this policy is asked. */
    @Override
    public void beforeWrap(Route route, NamedNode step) {
        ((ProcessorDefinition<?>) step).setInheritErrorHandler(false);
    }

    @Override
    public Processor wrap(Route route, Processor steps) {
        String routeId = route.getRouteId();
        return new Around(super.wrap(route, new Around(steps) {
            @Override
            void run(Exchange exchange) throws Exception {
                inside(exchange, routeId, processor);
            }
        })) {
            @Override
            void run(Exchange exchange) throws Exception {
                around(exchange, routeId, processor);
            }
        };
    }

    private void around(Exchange exchange, String routeId, Processor transacted) throws Exception {
        Transaction outer = current.get();
        if (outer != null) {
            join(outer, exchange, routeId, transacted);
            return;
        }
        String workspace = workspaceOf(exchange, routeId);
        refuseChanged(exchange, workspace, routeId);
        Transaction own = new Transaction(workspace, routeId);
        current.set(own);
        tenant.admit();
        try {
            transacted.process(exchange);
        } finally {
            tenant.withdraw();
            current.remove();
        }
        if (own.refusal != null) {
            exchange.setException(own.refusal); // an onException may have handled it, but nothing was committed
        }
    }

    private static void join(Transaction outer, Exchange exchange, String routeId, Processor transacted)
            throws Exception {
        boolean joined = false;
        try {
            outer.refuse(workspaceOf(exchange, routeId), routeId);
            transacted.process(exchange);
            joined = exchange.getException() == null;
        } finally {
            if (!joined) {
                outer.failedIn(routeId);
            }
        }
    }

    private void inside(Exchange exchange, String routeId, Processor steps) throws Exception {
        tenant.withdraw();
        ResourceHolderSupport holder = (ResourceHolderSupport) TransactionSynchronizationManager.getResource(tenant);
        if (holder == null) { // Camel believes the transaction is here already
            throw new IllegalStateException(
                    "Route %s shares the unit of work of a transaction on another thread, which it cannot join: remove"
                                    .formatted(routeId)
                            + " shareUnitOfWork from the step that calls it in parallel.");
        }
        Transaction transaction = current.get();
        try {
            boolean outermost = transaction.begin();
            if (outermost) {
                jdbc.query(
                        ENTER,
                        row -> {},
                        transaction.workspace,
                        exchange.getProperty(ACTOR, "route:" + routeId, String.class));
            }
            steps.process(exchange);
            if (exchange.isRollbackOnly() || exchange.isRollbackOnlyLast()) {
                exchange.setProperty(ROLLED_BACK, true); // Camel forgets it, and the exception with it
                transaction.failedIn(routeId);
            } else if (exchange.getException() == null) {
                refuseAnotherWorkspace(transaction, routeId);
                if (outermost) {
                    transaction.refuseHalf();
                }
            }
        } catch (IllegalStateException refusal) {
            holder.setRollbackOnly(); // whoever handles the exception
            transaction.refusal = refusal;
            throw refusal;
        }
    }

    private static String workspaceOf(Exchange exchange, String routeId) {
        Object workspace = exchange.getProperty(WORKSPACE);
        try {
            return UUID.fromString(String.valueOf(workspace)).toString();
        } catch (IllegalArgumentException e) {
            throw new IllegalStateException(
                    "Route %s opens a workspace transaction, but the exchange property %s %s. Start the route from"
                                    .formatted(
                                            routeId,
                                            WORKSPACE,
                                            workspace == null
                                                    ? "is not set"
                                                    : "is no workspace's id (a UUID): '" + workspace + "'")
                            + " kamelet:task-source or kamelet:webhook-source, which set it, or set it before the call.");
        }
    }

    private static void refuseChanged(Exchange exchange, String workspace, String routeId) {
        if (EnteredWorkspace.of(exchange)
                .filter(entered -> !entered.id().equals(workspace))
                .isPresent()) {
            throw new IllegalStateException(
                    // Neither workspace is named: the text is kept with the task.
                    "The exchange property %s was changed: route %s would open a transaction in another workspace than the"
                                    .formatted(WORKSPACE, routeId)
                            + " one whose task, webhook or request this is. Remove the step that changes it.");
        }
    }

    private void refuseAnotherWorkspace(Transaction transaction, String routeId) {
        String active;
        try {
            active = jdbc.queryForObject(ACTIVE_WORKSPACE, String.class);
        } catch (DataAccessException e) {
            throw new IllegalStateException(
                    "Route %s went on after a statement of its transaction had failed: rolled back. Let the failure end the"
                                    .formatted(routeId)
                            + " route, and catch it in the route that calls this one.",
                    e);
        }
        if (!transaction.workspace.equals(active)) {
            throw new IllegalStateException(
                    // The other workspace is not named: the text is kept with this one's task.
                    "Route %s would commit in another workspace than it began in: rolled back. Remove the SQL that sets"
                                    .formatted(routeId)
                            + " app.active_workspace.");
        }
    }

    /** The transaction that a thread is in: whose it is, which route began it, and which part of it failed first. */
    private static final class Transaction {

        private final String workspace;
        private final String routeId;
        private boolean begun;
        private String failed;
        private IllegalStateException refusal;

        Transaction(String workspace, String routeId) {
            this.workspace = workspace;
            this.routeId = routeId;
        }

        /** @return whether this is the first time */
        boolean begin() {
            boolean first = !begun;
            begun = true;
            return first;
        }

        void refuse(String other, String calledRoute) {
            if (!workspace.equals(other)) {
                throw new IllegalStateException(
                        "Route %s was called for another workspace than that of route %s, whose transaction it is in: rolled"
                                        .formatted(calledRoute, routeId)
                                + " back. Call it after that route has returned.");
            }
        }

        void failedIn(String failingRoute) {
            if (failed == null) {
                failed = failingRoute;
            }
        }

        /** A failure that was caught on the way must not leave half of the work. */
        void refuseHalf() {
            if (failed != null) {
                throw new IllegalStateException(
                        "Route %s failed inside the transaction of route %s, which caught the failure and went on: rolled"
                                        .formatted(failed, routeId)
                                + " back. Let the failure end both, and catch it in the route that calls %s."
                                        .formatted(routeId));
            }
        }
    }

    /** Runs on one thread from beginning to end, as a transaction of Spring does. */
    private abstract static class Around extends DelegateAsyncProcessor {

        Around(Processor processor) {
            super(processor);
        }

        abstract void run(Exchange exchange) throws Exception;

        @Override
        public boolean process(Exchange exchange, AsyncCallback callback) {
            try {
                run(exchange);
            } catch (Throwable e) {
                exchange.setException(e);
            }
            callback.done(true);
            return true;
        }
    }
}
