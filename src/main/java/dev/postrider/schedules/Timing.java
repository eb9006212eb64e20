package dev.postrider.schedules;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;
import java.util.Optional;
import org.springframework.scheduling.support.CronExpression;

/** When a schedule ticks. Ticks are at least a second apart. */
@FunctionalInterface
interface Timing {

    /** The first tick after a moment; empty if there is none. */
    Optional<Instant> next(Instant after);

    /**
     * A fixed rate.
     *
     * @param anchor one of the ticks
     * @param milliseconds from tick to tick, 1000 at least
     */
    static Timing every(Instant anchor, long milliseconds) {
        return after -> {
            long passed = Math.floorDiv(Duration.between(anchor, after).toMillis(), milliseconds);
            return Optional.of(anchor.plusMillis((passed + 1) * milliseconds));
        };
    }

    /**
     * A cron expression of Spring's, with seconds; or the usual five fields, which tick at second 0.
     *
     * <p>When clocks change it does as cron of Unix does. An expression that names hours goes by the clock on the wall:
     * what would tick in an hour that is left out ticks at its end, what would tick in an hour that comes twice ticks in
     * the first. One for every hour, or every nth, goes by the time that passes.
     *
     * @throws IllegalArgumentException if it is none
     */
    static Timing cron(String text, ZoneId zone) {
        String[] fields = text.strip().split("\\s+");
        CronExpression expression = CronExpression.parse(fields.length == 5 ? "0 " + text : text);
        String hours = expression.toString().strip().split("\\s+")[2]; // of a macro, too
        if (hours.startsWith("*")) {
            return after ->
                    Optional.ofNullable(expression.next(after.atZone(zone))).map(tick -> tick.toInstant());
        }
        return after -> {
            LocalDateTime local = LocalDateTime.ofInstant(after, zone);
            Instant tick;
            do {
                local = expression.next(local);
                if (local == null) {
                    return Optional.empty();
                }
                tick = onTheWall(local, zone);
            } while (!tick.isAfter(after)); // in the second of two equal hours
            return Optional.of(tick);
        };
    }

    private static Instant onTheWall(LocalDateTime local, ZoneId zone) {
        ZoneOffsetTransition change = zone.getRules().getTransition(local);
        return change != null && change.isGap()
                ? change.getInstant()
                : local.atZone(zone).toInstant();
    }

    /** The last tick that is not after a moment, found by bisection: between may be years of ticks. */
    default Instant latest(Instant tick, Instant notAfter) {
        Instant latest = tick;
        Instant free = notAfter; // no tick is behind it, up to notAfter
        while (Duration.between(latest, free).toSeconds() >= 1) {
            Instant middle = latest.plus(Duration.between(latest, free).dividedBy(2));
            Optional<Instant> found = next(middle).filter(one -> !one.isAfter(notAfter));
            if (found.isPresent()) {
                latest = found.get();
            } else {
                free = middle;
            }
        }
        return latest;
    }
}
