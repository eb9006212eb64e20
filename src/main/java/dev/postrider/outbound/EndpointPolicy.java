package dev.postrider.outbound;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.queue.DurableRedeliveryPolicy;
import java.util.Set;

/** Lays an endpoint's own redelivery policy, which is JSON in Camel's words, over the default of deliveries. */
final class EndpointPolicy {

    private static final String PATTERN = "delayPattern";
    private static final Set<String> DELAYS =
            Set.of("redeliveryDelay", "backOffMultiplier", "maximumRedeliveryDelay", PATTERN);

    private EndpointPolicy() {}

    /** The default with what the endpoint wants otherwise; the default itself is not changed. */
    static DurableRedeliveryPolicy over(DurableRedeliveryPolicy base, JsonNode own) {
        DurableRedeliveryPolicy policy = (DurableRedeliveryPolicy) base.copy();
        if (own.isEmpty()) {
            return policy;
        }
        if (DELAYS.stream().anyMatch(own::has)) {
            // A pattern overrides all other delays: the default's would hide the endpoint's.
            policy.setDelayPattern(own.path(PATTERN).asText(null));
            policy.setUseExponentialBackOff(true);
        }
        policy.setMaximumRedeliveries(own.path("maximumRedeliveries").asInt(policy.getMaximumRedeliveries()));
        policy.setRedeliveryDelay(own.path("redeliveryDelay").asLong(policy.getRedeliveryDelay()));
        policy.setBackOffMultiplier(own.path("backOffMultiplier").asDouble(policy.getBackOffMultiplier()));
        policy.setMaximumRedeliveryDelay(own.path("maximumRedeliveryDelay").asLong(policy.getMaximumRedeliveryDelay()));
        policy.setMaximumRedeliveryWindow(
                own.path("maximumRedeliveryWindow").asLong(policy.getMaximumRedeliveryWindow()));
        return policy;
    }

    /** The same policy, but the next attempt is not before these milliseconds have passed. */
    static DurableRedeliveryPolicy notBefore(DurableRedeliveryPolicy base, long milliseconds) {
        DurableRedeliveryPolicy policy = (DurableRedeliveryPolicy) base.copy();
        policy.setDelayPattern("0:" + milliseconds);
        policy.setUseCollisionAvoidance(false);
        return policy;
    }

    /** A policy that gives up at the next failure. */
    static DurableRedeliveryPolicy none(DurableRedeliveryPolicy base) {
        DurableRedeliveryPolicy policy = (DurableRedeliveryPolicy) base.copy();
        policy.setMaximumRedeliveries(0);
        return policy;
    }
}
