package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** Nodes deliver at once: what is committed then decides, and never the order of arrival. */
class VersionGuardTest extends InboundTest {

    private UUID sourceId;

    @BeforeEach
    void makeSource() {
        source("stripe", null, SECRET);
        sourceId = database.queryForObject(
                "select source_id from postrider.webhook_sources where workspace_id = ?", UUID.class, workspace);
    }

    @Test
    void anOlderVersionThatWaitedForANewerOneChangesNothing() {
        asTenant(tenant -> receive(tenant, "evt_1", 1));

        assertThat(whileTheFirstIsOpen("evt_3", 3, "evt_2", 2, false)).isEqualTo("stale");

        assertThat(mirrored("sub_1")).containsEntry("state_version", 3L);
    }

    @Test
    void ofTwoFirstVersionsAtOnceTheNewerOneRemains() {
        assertThat(whileTheFirstIsOpen("evt_2", 2, "evt_1", 1, false)).isEqualTo("stale");

        assertThat(mirrored("sub_1")).containsEntry("state_version", 2L);
    }

    @Test
    void theSameEventThatWaitedForTheFirstDeliveryIsADuplicate() {
        assertThat(whileTheFirstIsOpen("evt_1", 1, "evt_1", 1, false)).isEqualTo("duplicate");
    }

    @Test
    void theSameEventIsTakenInWhenTheFirstDeliveryRolledBack() {
        assertThat(whileTheFirstIsOpen("evt_1", 1, "evt_1", 1, true)).isEqualTo("applied");
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", textBlock = """
            # stored state and what comes: version, deleted, the second that it happened in; what becomes of it
            2, true,  -,  1, false, -,  stale
            2, true,  -,  2, false, -,  stale
            2, true,  1,  2, false, 9,  stale
            2, true,  -,  3, false, -,  applied
            2, false, -,  1, true,  -,  stale
            2, false, -,  2, true,  -,  tied
            2, false, 9,  2, true,  1,  tied
            2, false, 2,  2, false, 1,  stale
            2, false, 2,  2, false, 2,  tied
            2, false, 1,  2, false, 2,  tied
            2, false, 2,  2, false, -,  tied
            2, false, -,  2, false, 1,  tied
            2, false, 2,  3, false, 1,  applied
            2, true,  2,  2, true,  1,  stale
            """)
    void whatIsNewerRemains(
            long version, boolean deleted, Long second, long next, boolean gone, Long later, String verdict) {
        State stored = new State("evt_1", version, deleted, second);
        State coming = new State("evt_2", next, gone, later);

        asTenant(tenant -> receive(tenant, stored));

        String said = asTenant(tenant -> receive(tenant, coming));
        assertThat(said).isEqualTo(verdict);
        assertThat(remaining()).isEqualTo(verdict.equals("stale") ? stored : coming);
    }

    /** In whatever order events arrive at how many nodes, the mirror ends with the same one. */
    @RepeatedTest(20)
    void ofManyEventsInAnyOrderAtOnceTheSameStateRemains(RepetitionInfo round) throws InterruptedException {
        Random random = new Random(round.getCurrentRepetition());
        List<State> events = IntStream.range(0, 16)
                .mapToObj(n -> new State("evt_" + n, random.nextInt(3), random.nextInt(3) == 0, (long)
                        n)) // so that no two of them are alike
                .collect(Collectors.toCollection(ArrayList::new));
        State newest = Collections.max(
                events,
                Comparator.comparing(State::version)
                        .thenComparing(State::deleted)
                        .thenComparing(State::second));
        Collections.shuffle(events, random);

        ExecutorService nodes = Executors.newFixedThreadPool(6);
        try {
            for (Future<?> done : nodes.invokeAll(events.stream()
                    .map(event -> (Callable<String>) () -> asTenant(tenant -> receive(tenant, event)))
                    .toList())) {
                assertThat(done).succeedsWithin(Duration.ofSeconds(30));
            }
        } finally {
            nodes.shutdown();
        }

        assertThat(remaining()).isEqualTo(newest);
    }

    @Test
    void aStateThatWasFetchedSettlesATieAndOverwritesNothingNewer() {
        asTenant(tenant -> receive(tenant, "evt_1", 2));
        asTenant(tenant -> receive(tenant, "evt_2", 2));
        assertThat(mirrored("sub_1")).containsEntry("tied", true);

        assertThat(fetched(1, "{}", false)).isEqualTo("stale");
        assertThat(mirrored("sub_1")).containsEntry("tied", true);
        assertThat(fetched(2, "{\"data\": {\"object\": {\"status\": \"fetched\"}}}", false))
                .isEqualTo("applied");

        assertThat(mirrored("sub_1"))
                .containsEntry("status", "fetched")
                .containsEntry("tied", false)
                .containsEntry("state_version", 2L);
        assertThat(database.queryForObject(
                        "select count(*) from postrider.system_events where workspace_id = ? and event_type = 'mirror.applied'",
                        Integer.class,
                        workspace))
                .isOne();
        assertThat(fetched(2, "null", true)).isEqualTo("applied");
        assertThat(mirrored("sub_1")).as("what was last known of it").containsEntry("status", "fetched");
        assertThat(fetched(2, "{}", false)).as("of an object that is gone").isEqualTo("stale");
    }

    private String fetched(long version, String state, boolean deleted) {
        return asTenant(tenant -> tenant.queryForObject(
                "select postrider.mirror_state('stripe', 'sub_1', ?, ?::jsonb, ?)",
                String.class,
                version,
                state,
                deleted));
    }

    /** @return the verdict of the second delivery, which waited until the first had ended */
    private String whileTheFirstIsOpen(
            String first, long firstVersion, String second, long secondVersion, boolean fails) {
        CompletableFuture<String> waiting;
        try {
            waiting = asTenant(tenant -> {
                assertThat(receive(tenant, first, firstVersion)).isEqualTo("applied");
                CompletableFuture<String> verdict =
                        CompletableFuture.supplyAsync(() -> asTenant(other -> receive(other, second, secondVersion)));
                awaitALock(verdict);
                if (fails) {
                    throw new RolledBack(verdict);
                }
                return verdict;
            });
        } catch (RolledBack e) {
            waiting = e.verdict;
        }
        return waiting.join();
    }

    private void awaitALock(CompletableFuture<String> verdict) {
        RunningApplication.await()
                .until(() -> verdict.isDone()
                        || database.queryForObject(
                                        "select count(*) from pg_stat_activity where datname = current_database()"
                                                + " and wait_event_type = 'Lock' and query like '%receive_webhook%'",
                                        Integer.class)
                                == 1);
    }

    private String receive(JdbcTemplate tenant, String event, long version) {
        return receive(tenant, new State(event, version, false, null));
    }

    private String receive(JdbcTemplate tenant, State state) {
        return tenant.queryForObject(
                "select verdict from postrider.receive_webhook(jsonb_build_object('sourceId', ?::text, 'eventId', ?::text,"
                        + " 'refId', 'sub_1', 'version', ?::bigint, 'deleted', ?::boolean, 'occurredAt', to_timestamp(?),"
                        + " 'headers', '{}'::jsonb, 'payload', jsonb_build_object('id', ?)), ''::bytea)",
                String.class,
                sourceId.toString(),
                state.event(),
                state.version(),
                state.deleted(),
                state.second(),
                state.event());
    }

    private State remaining() {
        return database.queryForObject(
                "select event_data ->> 'id', state_version, deleted, extract(epoch from occurred_at)::bigint"
                        + " from postrider.billing_events where workspace_id = ?",
                (row, n) ->
                        new State(row.getString(1), row.getLong(2), row.getBoolean(3), row.getObject(4, Long.class)),
                workspace);
    }

    private <T> T asTenant(Function<JdbcTemplate, T> work) {
        return APPLICATION.as("tenant", workspace, work);
    }

    /** @param second when it happened, in seconds since 1970; null: the provider does not say */
    private record State(String event, long version, boolean deleted, Long second) {}

    private static final class RolledBack extends RuntimeException {
        private final transient CompletableFuture<String> verdict;

        RolledBack(CompletableFuture<String> verdict) {
            this.verdict = verdict;
        }
    }
}
