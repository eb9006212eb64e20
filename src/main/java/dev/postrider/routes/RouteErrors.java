package dev.postrider.routes;

import dev.postrider.startup.StartupException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Remembers which files are broken now, and says so once per mistake instead of once per look. */
final class RouteErrors {

    private static final Logger LOG = LoggerFactory.getLogger(RouteLoader.class);

    /** A broken file: the text that was tried, and why it does not run. */
    record Broken(RouteFile file, List<Finding> findings, boolean mayHealByItself) {}

    /** The latest error, which stays known after it is mended. */
    record Last(Finding finding, Instant time) {}

    private final Map<String, Broken> broken = new TreeMap<>();
    private final Clock clock;
    private volatile Optional<Last> last = Optional.empty();
    private volatile List<Finding> current = List.of();

    RouteErrors(Clock clock) {
        this.clock = clock;
    }

    void report(Broken now, String consequence) {
        Broken before = broken.put(now.file().path(), now);
        publish();
        if (before != null && before.findings().equals(now.findings())) {
            return;
        }
        Finding first = now.findings().get(0);
        String more =
                now.findings().size() == 1 ? "" : " (and " + (now.findings().size() - 1) + " more)";
        last = Optional.of(new Last(first, clock.instant()));
        LOG.error("{}{}; {}", first, more, consequence);
    }

    /** @return whether the file was broken until now */
    boolean clear(String path) {
        boolean was = broken.remove(path) != null;
        publish();
        return was;
    }

    Optional<Broken> of(String path) {
        return Optional.ofNullable(broken.get(path));
    }

    List<Broken> all() {
        return new ArrayList<>(broken.values());
    }

    /** Safe to read from any thread, as is {@link #last}. */
    List<Finding> current() {
        return current;
    }

    /** @throws StartupException if a file is broken in a way that waiting does not mend */
    void refuseMistakes() {
        List<String> mistakes = broken.values().stream()
                .filter(one -> !one.mayHealByItself())
                .flatMap(one -> one.findings().stream())
                .map(Finding::toString)
                .toList();
        if (!mistakes.isEmpty()) {
            throw new StartupException(
                    "Route files have mistakes, and postrider.routes.refuse-mistakes is set: "
                            + String.join("; ", mistakes),
                    "Correct the files, or give the ones before them.");
        }
    }

    Optional<Last> last() {
        return last;
    }

    private void publish() {
        current =
                broken.values().stream().flatMap(one -> one.findings().stream()).toList();
    }
}
