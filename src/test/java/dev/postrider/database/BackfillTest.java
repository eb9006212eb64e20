package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.flywaydb.core.api.FlywayException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A migration that changes tenants' rows fails, unless it goes from workspace to workspace. */
class BackfillTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final String MEDIA_TYPES =
            "select string_agg(distinct media_type, ' ') from postrider.workspace_assets";

    @TempDir
    private Path migrations;

    @BeforeAll
    static void assetsOfTwoWorkspaces() {
        for (UUID workspace : new UUID[] {DATABASE.newWorkspace(), DATABASE.newWorkspace()}) {
            DATABASE.sql()
                    .update("insert into postrider.workspace_assets (workspace_id, name) values (?, 'x')", workspace);
        }
    }

    @Test
    void an_update_of_all_workspaces_at_once_fails_instead_of_touching_no_row() throws IOException {
        assertThatThrownBy(() -> migrate("update postrider.workspace_assets set media_type = 'lost'"))
                .isInstanceOf(FlywayException.class)
                .hasMessageContaining("row-level security policy for table \"workspace_assets\"");
    }

    @Test
    void for_each_workspace_changes_the_rows_of_all() throws IOException {
        migrate("""
                do $$
                begin
                    if postrider.for_each_workspace('update postrider.workspace_assets set media_type = ''text/new''') <> 2 then
                        raise 'not all';
                    end if;
                end $$""");
        assertThat(DATABASE.sql().queryForObject(MEDIA_TYPES, String.class)).isEqualTo("text/new");
    }

    private void migrate(String sql) throws IOException {
        Files.writeString(migrations.resolve("V1__backfill.sql"), sql);
        Migration.flyway(
                        DATABASE.location(),
                        new RoleLogins.Login(
                                "postrider_owner_login", DATABASE.secrets().rolePassword("owner")))
                .locations("filesystem:" + migrations)
                .table("history_" + System.nanoTime())
                .baselineOnMigrate(true)
                .baselineVersion("0")
                .load()
                .migrate();
    }
}
