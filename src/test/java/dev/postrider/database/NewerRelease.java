package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import dev.postrider.secrets.SecretsConfiguration;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.util.FileSystemUtils;

/**
 * The next release of Postrider, as far as the database knows: the very migrations that ship, with changed functions, a
 * new one, and one more file that only adds.
 */
final class NewerRelease {

    static final String NUMBER = "9.0.0+20400101000000";

    /** What only the changed functions say. */
    static final String MARK = "as release 9 does";

    private static final String NEW_FUNCTION = """

            create or replace function postrider.enqueue_labelled(task_type text, label text) returns uuid
                language sql security definer set search_path = postrider, pg_temp
            return postrider.enqueue_task(enqueue_labelled.task_type,
                                          jsonb_build_object('label', enqueue_labelled.label));
            revoke execute on function postrider.enqueue_labelled from public;
            grant execute on function postrider.enqueue_labelled to postrider_tenant, postrider_producer;
            """;

    private NewerRelease() {}

    /** As a process of its own, so that it can be killed: url, username, password, folder of the scripts. */
    public static void main(String[] arguments) {
        DatabaseLocation location = new DatabaseLocation(arguments[0], arguments[0], arguments[1], arguments[2], false);
        migration(location, "filesystem:" + arguments[3]).run();
    }

    /** Writes the scripts into a folder; the statements are those of the added file. */
    static Path scripts(Path folder, String... statements) throws IOException {
        FileSystemUtils.copyRecursively(Path.of("db", "migration"), folder);
        change(folder.resolve("R__20_produce.sql"), "'Enqueues a task", "'Enqueues, " + MARK + ", a task");
        Files.writeString(folder.resolve("R__20_produce.sql"), NEW_FUNCTION, StandardOpenOption.APPEND);
        change(folder.resolve("R__30_claim.sql"), "'Claims tasks for", "'Claims, " + MARK + ", tasks for");
        Files.writeString(folder.resolve("V9000__expand.sql"), String.join(";\n", statements) + ";\n");
        return folder;
    }

    static Migration migration(DatabaseLocation location, Path scripts) {
        return migration(location, "filesystem:" + scripts.toAbsolutePath());
    }

    private static Migration migration(DatabaseLocation location, String scripts) {
        Secrets secrets = secrets();
        return new Migration(location, logins(secrets), secrets, NUMBER, scripts);
    }

    static RoleLogins logins(Secrets secrets) {
        return new RoleLogins(
                login("owner", secrets),
                login("tenant", secrets),
                login("dispatcher", secrets),
                login("operator", secrets),
                login("analyst", secrets));
    }

    private static RoleLogins.Login login(String role, Secrets secrets) {
        return new RoleLogins.Login("postrider_" + role + "_login", secrets.rolePassword(role));
    }

    static Secrets secrets() {
        try (var context = new SpringApplicationBuilder(SecretsConfiguration.class)
                .web(WebApplicationType.NONE)
                .run("--postrider.database.url=given", "--postrider.encryption-key=" + TestDatabase.ENCRYPTION_KEY)) {
            return context.getBean(Secrets.class);
        }
    }

    private static void change(Path file, String from, String to) throws IOException {
        String text = Files.readString(file);
        if (!text.contains(from)) {
            throw new IllegalStateException(file + " does not contain " + from);
        }
        Files.writeString(file, text.replace(from, to));
    }
}
