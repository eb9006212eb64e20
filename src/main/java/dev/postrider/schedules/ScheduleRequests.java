package dev.postrider.schedules;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.api.ProblemException;
import java.sql.Timestamp;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.camel.Exchange;

/**
 * Computes when a schedule that a caller makes or changes ticks next, which the contract cannot check; the bean
 * {@code scheduleRequests}.
 *
 * <p>It reads the exchange property {@code request}, and leaves what replaces the request's own in {@code timing}.
 */
public final class ScheduleRequests {

    private final ObjectMapper json;

    ScheduleRequests(ObjectMapper json) {
        this.json = json;
    }

    /**
     * A new schedule; the body is the database's time.
     *
     * @throws ProblemException if it would never tick
     */
    public void create(Exchange exchange) throws JsonProcessingException {
        ObjectNode request = request(exchange);
        if (!request.has("cron") && !request.has("every")) {
            throw ProblemException.field("cron", "is missing: give cron or every");
        }
        if (!request.has("enabled")) {
            request.put("enabled", true);
        }
        Object now = exchange.getMessage().getBody();
        exchange.setProperty("timing", timing(request, Map.of("time_zone", "UTC", "enabled", false, "now", now)));
    }

    /**
     * A schedule that is there; the body is its row, with the database's time as {@code now}. Its next tick stays, unless
     * it is enabled or the request says when it ticks.
     *
     * @throws ProblemException if it would never tick
     */
    public void update(Exchange exchange) throws JsonProcessingException {
        Map<?, ?> row = exchange.getMessage().getBody(Map.class);
        exchange.setProperty("timing", timing(request(exchange), row));
    }

    private String timing(ObjectNode request, Map<?, ?> row) {
        if (request.has("cron") && request.has("every")) {
            throw ProblemException.field("every", "excludes cron: give one of them");
        }
        boolean was = (Boolean) row.get("enabled");
        boolean enabled = request.path("enabled").asBoolean(was);
        boolean anew = enabled && !was || Stream.of("cron", "every", "timeZone").anyMatch(request::has);
        ObjectNode timing = json.createObjectNode().put("enabled", enabled);
        if (request.has("cron") || request.has("every")) {
            timing.set("cron", request.get("cron"));
            timing.set("every", request.get("every"));
        } else {
            timing.put("cron", (String) row.get("cron")).put("every", (Long) row.get("every"));
        }
        timing.put("timeZone", request.path("timeZone").asText((String) row.get("time_zone")));
        Optional<Instant> next = anew
                ? Optional.of(first(timing, instant(row.get("now"))))
                : Optional.ofNullable(row.get("next_tick_at")).map(ScheduleRequests::instant);
        return timing.put(
                        "nextTickAt",
                        next.filter(tick -> enabled).map(Instant::toString).orElse(null))
                .toString();
    }

    private static Instant first(ObjectNode timing, Instant now) {
        ZoneId zone = zone(timing.get("timeZone").asText());
        JsonNode cron = timing.get("cron");
        if (cron.isNull()) {
            Instant anchor = now.truncatedTo(ChronoUnit.MILLIS);
            return anchor.plusMillis(timing.get("every").asLong());
        }
        try {
            return Timing.cron(cron.asText(), zone)
                    .next(now)
                    .orElseThrow(() -> ProblemException.field("cron", "never fires: no day fits it"));
        } catch (IllegalArgumentException | DateTimeException e) {
            throw ProblemException.field(
                    "cron",
                    "is no cron expression: %s. Give five fields such as \"30 2 * * MON-FRI\", six with seconds first, or a macro such as @daily"
                            .formatted(e.getMessage()));
        }
    }

    private static ZoneId zone(String name) {
        try {
            return ZoneId.of(name);
        } catch (DateTimeException e) {
            throw ProblemException.field(
                    "timeZone", "is not known: '%s'. Give a name such as Europe/Berlin".formatted(name));
        }
    }

    private static Instant instant(Object timestamp) {
        return ((Timestamp) timestamp).toInstant();
    }

    private ObjectNode request(Exchange exchange) throws JsonProcessingException {
        return (ObjectNode) json.readTree(exchange.getProperty("request", String.class));
    }
}
