package dev.postrider.outbound;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.queue.DurableRedeliveryPolicy;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Lays an endpoint's own redelivery policy, which is JSON in Camel's words, over the default of deliveries. */
final class EndpointPolicy {

    private static final String PATTERN = "delayPattern";
    private static final Set<String> DELAYS =
            Set.of("redeliveryDelay", "backOffMultiplier", "maximumRedeliveryDelay", PATTERN);
    private static final Set<String> COUNTS = Set.of("maximumRedeliveries", "maximumRedeliveryWindow");
    private static final Pattern DELAY_PATTERN = Pattern.compile("\\d{1,4}:\\d{1,10}(;\\d{1,4}:\\d{1,10}){0,49}");

    /** Thirty days: longer than any partition of events is sure to be kept. */
    private static final long MAXIMUM = 2_592_000_000L;

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
        policy.setMaximumRedeliveryDelay(
                own.path("maximumRedeliveryDelay").asLong(policy.getMaximumRedeliveryDelay()));
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

    /**
     * @throws IllegalArgumentException if this is no policy, in words for the caller of the API
     */
    static void verify(JsonNode own) {
        if (!own.isObject()) {
            throw new IllegalArgumentException("redeliveryPolicy must be an object");
        }
        for (Map.Entry<String, JsonNode> entry : own.properties()) {
            String name = entry.getKey();
            JsonNode value = entry.getValue();
            if (!DELAYS.contains(name) && !COUNTS.contains(name)) {
                throw new IllegalArgumentException("redeliveryPolicy has no property \"%s\"".formatted(name));
            }
            boolean valid =
                    switch (name) {
                        case PATTERN -> value.isTextual()
                                && DELAY_PATTERN.matcher(value.asText()).matches();
                        case "backOffMultiplier" -> value.isNumber() && value.asDouble() >= 1 && value.asDouble() <= 100;
                        case "maximumRedeliveries" -> value.isInt() && value.asInt() >= 0 && value.asInt() <= 100;
                        default -> value.isIntegralNumber() && value.asLong() >= 0 && value.asLong() <= MAXIMUM;
                    };
            if (!valid) {
                throw new IllegalArgumentException(
                        ("redeliveryPolicy.%s is not valid: delays and the window are whole milliseconds up to 30 days,"
                                        + " maximumRedeliveries is 0 to 100, backOffMultiplier 1 to 100, delayPattern is"
                                        + " like \"1:5000;3:60000\"")
                                .formatted(name));
            }
        }
    }
}
