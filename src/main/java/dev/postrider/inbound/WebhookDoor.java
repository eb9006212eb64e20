package dev.postrider.inbound;

import dev.postrider.api.Problem;
import dev.postrider.api.ProblemException;
import dev.postrider.api.ProblemWriter;
import dev.postrider.tenancy.EnteredWorkspace;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;

/**
 * Stands between HTTP and the provider's route: finds out which source a request is for, and answers when the route has
 * committed.
 *
 * <p>All it learns it keeps in exchange properties, which no sender can set.
 */
public final class WebhookDoor implements AggregationStrategy {

    static final String REQUEST = "webhookRequest";
    static final String SOURCE = "webhookSource";
    /** What became of the webhook: a {@link WebhookOutcome}, valid once {@link #COMMITTED} is set. */
    static final String OUTCOME = "webhookOutcome";

    static final String COMMITTED = "webhookCommitted";
    /** Whether the database had taken the webhook in, and what followed undid it. */
    static final String STEPS_FAILED = "webhookStepsFailed";

    /** When the request came in, if that is not now: what the age of a signature is measured with. */
    static final String RECEIVED_AT = "webhookReceivedAt";
    /** Whether the webhook was fetched from the provider, so that nothing is to be verified. */
    static final String FETCHED = "webhookFetched";

    /** The receipt of the request as it first came in, if it is taken in again. */
    static final String AGAIN = "webhookAgain";

    static final String PROVIDER = "provider";
    static final String SOURCE_KEY = "sourceKey";
    static final String SOURCE_ID = "sourceId";

    private static final Logger LOG = LoggerFactory.getLogger(WebhookDoor.class);
    private static final Pattern PROVIDER_NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,49}");
    private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_-]{1,200}");
    private static final Map<Integer, String> REFUSALS = Map.of(404, "unknown", 503, "paused");
    private static final Problem UNKNOWN = Problem.of(404, "No source has this address.");

    private final MeterRegistry meters;
    private final ProblemWriter problems;

    public WebhookDoor(MeterRegistry meters, ProblemWriter problems) {
        this.meters = meters;
        this.problems = problems;
    }

    /** Refuses an address that no source can have. */
    public void enter(Exchange exchange) {
        if (!PROVIDER_NAME.matcher(exchange.getProperty(PROVIDER, String.class)).matches()
                || !KEY.matcher(exchange.getProperty(SOURCE_KEY, String.class)).matches()) {
            throw new ProblemException(UNKNOWN);
        }
    }

    /** Takes the source that the database found: an unknown provider and an unknown key look the same. */
    public void find(Exchange exchange, @Body Map<?, ?> row) {
        if (row == null) {
            throw new ProblemException(UNKNOWN);
        }
        WebhookSource source = WebhookSource.of(exchange.getProperty(PROVIDER, String.class), row);
        exchange.setProperty(SOURCE, source);
        exchange.setProperty(SOURCE_ID, source.sourceId());
        EnteredWorkspace.set(exchange, source.workspaceId());
        exchange.setProperty(WorkspaceTransactionPolicy.ACTOR, "source:" + source.sourceId());
        exchange.getMessage().setBody(null);
        if (!source.enabled()) {
            throw ProblemException.of(503, "This source is paused; send the webhook again later. Nothing was stored.");
        }
    }

    /** Makes an exchange ready for a provider's route with a webhook that nobody has just sent; what an earlier one left on the exchange is gone. */
    static void handOver(Exchange exchange, WebhookRequest request, WebhookSource source) {
        exchange.removeProperties("webhook*");
        WebhookReader.FIELDS.forEach(exchange::removeProperty);
        exchange.setProperty(REQUEST, request);
        exchange.setProperty(SOURCE, source);
        exchange.setProperty(PROVIDER, source.provider());
        exchange.setProperty(SOURCE_ID, source.sourceId());
        exchange.setProperty(WorkspaceTransactionPolicy.ACTOR, "source:" + source.sourceId());
    }

    /**
     * Takes back what the provider's route did, whatever way it ended: by its last step, by an exception, by a stop, or by
     * a rollback without any error, which has taken nothing in.
     */
    @Override
    public Exchange aggregate(Exchange request, Exchange done) {
        WebhookOutcome outcome = done.getProperty(OUTCOME, WebhookOutcome.class);
        request.setProperty(WebhookReader.RECEIPT, done.getProperty(WebhookReader.RECEIPT));
        if (done.getException() != null) {
            request.setException(done.getException());
            request.setProperty(STEPS_FAILED, outcome != null);
        } else if (outcome == null || !done.getProperty(COMMITTED, false, boolean.class)) {
            request.setException(new IllegalStateException("The route of the provider rolled its transaction back"));
            request.setProperty(STEPS_FAILED, true);
        } else {
            request.setProperty(OUTCOME, outcome);
        }
        return request;
    }

    /** Answers what the route has committed. */
    public void answer(Exchange exchange) {
        WebhookOutcome outcome = exchange.getProperty(OUTCOME, WebhookOutcome.class);
        count(exchange, outcome.verdict());
        if (outcome.status() != 200) {
            problems.write(outcome.problem(), exchange);
            if (outcome.status() == 405) {
                exchange.getMessage().setHeader(HttpHeaders.ALLOW, HttpMethod.POST.name());
            }
            return;
        }
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setHeader(Exchange.CONTENT_TYPE, outcome.challenge().isPresent() ? "text/plain" : "application/json");
        message.setBody(outcome.challenge().orElseGet(outcome::toJson));
    }

    /** Answers a request that was not taken in: the sender's next attempt finds nothing half done. */
    public void refuse(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        Problem problem;
        if (failure instanceof ProblemException refusal) {
            problem = refusal.problem();
            count(exchange, REFUSALS.getOrDefault(problem.status(), "failed"));
        } else {
            problem = Problem.of(503, "The webhook could not be taken in now; send it again later.");
            count(exchange, "failed");
            // One line: a database that is away fails every webhook.
            LOG.warn(
                    "A webhook of source {} was not taken in, its provider is told to send it again: {}",
                    Optional.ofNullable(exchange.getProperty(SOURCE_ID)).orElse("(not looked up)"),
                    String.valueOf(failure));
            LOG.debug("The webhook's failure in full", failure);
        }
        problems.write(problem, exchange);
    }

    private void count(Exchange exchange, String verdict) {
        // Only the name of a known source's provider: senders could invent any number of others.
        WebhookSource source = exchange.getProperty(SOURCE, WebhookSource.class);
        count(meters, source == null ? "other" : source.provider(), verdict);
    }

    static void count(MeterRegistry meters, String provider, String verdict) {
        meters.counter("postrider.inbound", "provider", provider, "verdict", verdict)
                .increment();
    }
}
