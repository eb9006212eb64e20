package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.JdbcTemplate;

/** What a workspace may do with the names of its assets, deleted ones and those of others included. */
class AssetsTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private UUID workspace;

    @BeforeEach
    void aWorkspaceWithoutAssets() {
        workspace = APPLICATION.newWorkspace();
    }

    @Test
    void a_deleted_assets_name_can_be_used_again_any_number_of_times() {
        for (int i = 0; i < 3; i++) {
            write(workspace, "logo.svg");
            assertThat(delete("logo.svg")).isEqualTo(1);
        }
        write(workspace, "logo.svg");

        assertThat(count("name = 'logo.svg'")).isEqualTo(4);
        assertThat(count("name = 'logo.svg' and deleted_at is null")).isEqualTo(1);
    }

    @Test
    void a_second_live_asset_of_a_name_is_refused_by_an_error_that_names_the_rule_and_no_row() {
        write(workspace, "logo.svg");

        assertThatThrownBy(() -> write(workspace, "logo.svg"))
                .isInstanceOf(DuplicateKeyException.class)
                .hasMessageContaining("workspace_assets_name")
                .hasMessageNotContaining("Detail");
    }

    @Test
    void a_deleted_asset_does_not_come_back_while_another_has_its_name() {
        write(workspace, "logo.svg");
        delete("logo.svg");
        write(workspace, "logo.svg");

        assertThatThrownBy(() -> restore("logo.svg")).isInstanceOf(DuplicateKeyException.class);
        delete("logo.svg");
        assertThat(
                        APPLICATION.<Integer>as(
                                "tenant",
                                workspace,
                                sql -> sql.update(
                                        "update workspace_assets set deleted_at = null"
                                                + " where asset_id = (select asset_id from workspace_assets order by inserted_at limit 1)")))
                .isEqualTo(1);
    }

    @Test
    void another_workspace_writes_the_same_name_at_the_same_time_without_waiting() {
        UUID other = APPLICATION.newWorkspace();

        APPLICATION.as("tenant", workspace, sql -> {
            insert(sql, workspace, "logo.svg"); // not committed yet
            return APPLICATION.as("tenant", other, theirs -> {
                theirs.execute("set local lock_timeout = '1s'");
                return insert(theirs, other, "logo.svg");
            });
        });

        assertThat(count("name = 'logo.svg'")).isEqualTo(1);
    }

    @Test
    void of_two_who_write_one_name_at_the_same_time_one_waits_and_is_refused() {
        CompletableFuture<Integer> second = APPLICATION.as("tenant", workspace, sql -> {
            insert(sql, workspace, "logo.svg");
            CompletableFuture<Integer> writing = CompletableFuture.supplyAsync(() -> write(workspace, "logo.svg"));
            RunningApplication.await()
                    .until(() -> APPLICATION
                                    .sql()
                                    .queryForObject(
                                            "select count(*) from pg_locks where not granted and locktype = 'transactionid'",
                                            Integer.class)
                            > 0);
            return writing;
        });

        assertThatThrownBy(second::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(DuplicateKeyException.class);
        assertThat(count("name = 'logo.svg'")).isEqualTo(1);
    }

    @Test
    void a_reports_second_attempt_replaces_what_the_first_wrote_and_a_deleted_report_is_written_anew() {
        String task = UUID.randomUUID().toString();

        report(task);
        report(task);
        assertThat(count("name like 'report-%'")).isEqualTo(1);

        delete("report-" + task + ".csv");
        report(task);
        report(task);
        assertThat(count("name like 'report-%'")).isEqualTo(2);
        assertThat(count("name like 'report-%' and deleted_at is null")).isEqualTo(1);
    }

    @Test
    void the_longest_name_and_media_type_fit_the_indexes_and_longer_ones_are_refused_by_a_named_rule() {
        String longest = new Random(1)
                .ints(500, 0x10000, 0x2FFFF)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();

        assertThat(write(workspace, longest, "x".repeat(255))).isEqualTo(1);
        for (String refused : List.of("x".repeat(256), "", "text/plän")) {
            assertThatThrownBy(() -> write(workspace, "logo.svg", refused))
                    .isInstanceOf(DataIntegrityViolationException.class)
                    .hasMessageContaining("workspace_assets_media_type_check");
        }
    }

    private static int write(UUID workspace, String name) {
        return APPLICATION.as("tenant", workspace, sql -> insert(sql, workspace, name));
    }

    private static int write(UUID workspace, String name, String mediaType) {
        return APPLICATION.as(
                "tenant",
                workspace,
                sql -> sql.update(
                        "insert into workspace_assets (workspace_id, name, media_type) values (?, ?, ?)",
                        workspace,
                        name,
                        mediaType));
    }

    private static int insert(JdbcTemplate sql, UUID workspace, String name) {
        return sql.update("insert into workspace_assets (workspace_id, name) values (?, ?)", workspace, name);
    }

    private int delete(String name) {
        return APPLICATION.as(
                "tenant",
                workspace,
                sql -> sql.update(
                        "update workspace_assets set deleted_at = now() where name = ? and deleted_at is null", name));
    }

    private int restore(String name) {
        return APPLICATION.as(
                "tenant",
                workspace,
                sql -> sql.update(
                        "update workspace_assets set deleted_at = null where name = ? and deleted_at is not null",
                        name));
    }

    private void report(String task) {
        Exchange done = APPLICATION.camel().createProducerTemplate().send("direct:report-generate.write", exchange -> {
            exchange.setProperty(WorkspaceTransactionPolicy.WORKSPACE, workspace);
            exchange.setProperty("taskId", task);
            exchange.getMessage().setBody("{}");
        });
        assertThat(done.getException()).isNull();
    }

    private int count(String condition) {
        return APPLICATION.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject("select count(*) from workspace_assets where " + condition, Integer.class));
    }
}
