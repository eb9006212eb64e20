package dev.postrider.docs;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.ReplicaState;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** {@code docs/reference/metrics.md} lists the meters that the application has, with their kinds and tags. */
class MetricsPageTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();
    private static final MeterRegistry METERS = APPLICATION.bean(MeterRegistry.class);

    @Test
    void thePageListsEachMeterWithItsTags() {
        useEverything();
        await().until(() -> !METERS.find("postrider.tasks.waiting").gauges().isEmpty());

        Map<String, String> listed = new TreeMap<>();
        Pages.rows("docs/reference/metrics.md")
                .forEach(row -> listed.put(
                        Pages.name(row.get(0)),
                        row.get(1) + " "
                                + Arrays.stream(Pages.name(row.get(2)).split(", "))
                                        .sorted()
                                        .toList()));

        assertThat(listed).isEqualTo(registered());
    }

    /** Some meters are there only once something has happened. */
    private static void useEverything() {
        APPLICATION.call(
                "POST",
                "/v1/tasks",
                "{\"taskType\": \"for-later\", \"scheduledAt\": \"2999-01-01T00:00:00Z\","
                        + " \"uniqueKey\": \"metrics\"}");
        APPLICATION.call("POST", "/webhooks/stripe/nobody", "{}");
        APPLICATION.awaitTask(APPLICATION.enqueue("report-generate", "{}"), "completed");
        APPLICATION.bean(ReplicaState.class).measured(List.of(Map.of("lag", 0.0)));
    }

    private static Map<String, String> registered() {
        Map<String, String> meters = new TreeMap<>();
        for (Meter meter : METERS.getMeters()) {
            Meter.Id id = meter.getId();
            if (id.getName().startsWith("postrider.")) {
                var tags = id.getTags().stream().map(Tag::getKey).sorted().toList();
                meters.put(id.getName(), id.getType().name().toLowerCase(Locale.ROOT) + " " + tags);
            }
        }
        return meters;
    }
}
