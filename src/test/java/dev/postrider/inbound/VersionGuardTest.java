package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.JdbcTemplate;

/** Two nodes deliver at once: the second begins while the first has not committed. */
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
        return tenant.queryForObject(
                "select verdict from postrider.receive_webhook(jsonb_build_object('sourceId', ?::text, 'eventId', ?::text,"
                        + " 'refId', 'sub_1', 'version', ?::bigint, 'headers', '{}'::jsonb, 'payload', '{}'::jsonb), ''::bytea)",
                String.class,
                sourceId.toString(),
                event,
                version);
    }

    private <T> T asTenant(Function<JdbcTemplate, T> work) {
        return APPLICATION.as("tenant", workspace, work);
    }

    private static final class RolledBack extends RuntimeException {
        private final transient CompletableFuture<String> verdict;

        RolledBack(CompletableFuture<String> verdict) {
            this.verdict = verdict;
        }
    }
}
