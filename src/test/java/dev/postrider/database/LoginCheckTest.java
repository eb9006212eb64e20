package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.secrets.SecretsConfiguration;
import dev.postrider.startup.StartupException;
import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.JdbcTemplate;

/** A login that would see more than its role keeps Postrider from starting, with a message that says what to write. */
class LoginCheckTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final List<String> made = new ArrayList<>();

    @BeforeAll
    static void makeRolesThatLeadToMore() {
        make("check_cloudsuper", "in role pg_read_all_data");
        make("check_outer", "bypassrls");
        make("check_inner", "in role check_outer");
    }

    @AfterAll
    static void dropLogins() {
        made.forEach(login -> DATABASE.sql().execute("drop role " + login));
    }

    @Test
    void the_derived_logins_pass() {
        LoginCheck.verify(DATABASE.location(), logins("postrider_tenant_login", derived("tenant")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            check_superuser   | superuser in role postrider_tenant                       | is a superuser                             | alter role check_superuser nosuperuser
            check_bypass      | bypassrls in role postrider_tenant                       | bypasses policies                          | alter role check_bypass nobypassrls
            check_replication | replication in role postrider_tenant                     | bypasses policies                          | alter role check_replication nobypassrls noreplication
            check_stranger    |                                                          | is not a member of postrider_tenant        | grant postrider_tenant to check_stranger
            check_both        | in role postrider_tenant, postrider_analyst              | is also a member of postrider_analyst      | revoke postrider_analyst from check_both
            check_engine      | in role postrider_tenant, postrider_engine               | is also a member of postrider_engine       | revoke postrider_engine from check_engine
            check_files       | in role postrider_tenant, pg_read_server_files           | is also a member of pg_read_server_files   | revoke pg_read_server_files from check_files
            check_by_way      | in role postrider_tenant, postrider_operator_login       | is also a member of postrider_operator     | revoke postrider_operator_login from check_by_way
            check_cloud       | in role postrider_tenant, check_cloudsuper               | is also a member of pg_read_all_data       | revoke check_cloudsuper from check_cloud
            check_backup      | in role postrider_tenant, check_inner                    | bypasses policies as check_outer           | revoke check_inner from check_backup
            """)
    void a_tenant_login_is_refused_that(String login, String made, String fault, String remedy) {
        make(login, made == null ? "" : made);

        assertThatThrownBy(() -> LoginCheck.verify(DATABASE.location(), logins(login, "test")))
                .isInstanceOfSatisfying(StartupException.class, refused -> {
                    assertThat(refused).hasMessageContaining("The login \"" + login + "\" " + fault);
                    assertThat(refused.action())
                            .contains("run: " + remedy)
                            .contains("postrider.database.tenant.username");
                });
    }

    @Test
    void what_its_group_has_is_to_be_revoked_from_the_group() {
        DATABASE.sql().execute("grant check_cloudsuper to postrider_tenant");
        try {
            assertThatThrownBy(() ->
                            LoginCheck.verify(DATABASE.location(), logins("postrider_tenant_login", derived("tenant"))))
                    .isInstanceOfSatisfying(
                            StartupException.class,
                            refused -> assertThat(refused.action())
                                    .contains("run: revoke check_cloudsuper from postrider_tenant."));
        } finally {
            DATABASE.sql().execute("revoke check_cloudsuper from postrider_tenant");
        }
    }

    @Test
    void an_analysts_login_is_refused_that_is_in_another_group() {
        assertThatThrownBy(() -> LoginCheck.verify(
                        DATABASE.location(),
                        logins(
                                "postrider_tenant_login",
                                derived("tenant"),
                                new RoleLogins.Login("postrider_operator_login", "never used"))))
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("\"postrider_operator_login\" is not a member of postrider_analyst");
    }

    @Test
    void a_login_that_cannot_connect_is_named_with_its_setting_and_without_its_password() {
        assertThatThrownBy(() -> LoginCheck.verify(DATABASE.location(), logins("postrider_tenant_login", "hush")))
                .isInstanceOfSatisfying(StartupException.class, refused -> {
                    assertThat(refused)
                            .hasMessageContaining("\"postrider_tenant_login\"")
                            .hasMessageNotContaining("hush");
                    assertThat(refused.action()).contains("postrider.database.tenant.username");
                });
    }

    @Test
    void a_start_with_the_superuser_as_the_tenants_login_is_refused() {
        assertThatThrownBy(() -> start(
                                "postrider.database.tenant.username="
                                        + DATABASE.location().username(),
                                "postrider.database.tenant.password="
                                        + DATABASE.location().password())
                        .close())
                .rootCause()
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("is a superuser");
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void a_start_says_which_table_breaks_the_rule(CapturedOutput output) {
        DATABASE.sql().execute("alter table postrider.deliveries no force row level security");
        try {
            start().close();
        } finally {
            DATABASE.sql().execute("alter table postrider.deliveries force row level security");
        }
        assertThat(output).contains("postrider.deliveries row-level security is not forced");
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void a_start_that_cannot_read_the_breaches_says_so_and_goes_on(CapturedOutput output) {
        DATABASE.sql().execute("alter view postrider.isolation_breaches rename to elsewhere");
        try {
            start().close();
        } finally {
            DATABASE.sql().execute("alter view postrider.elsewhere rename to isolation_breaches");
        }
        assertThat(output).contains("WARN").contains("Whether isolation is broken could not be looked up");
    }

    @Test
    void every_pool_works_as_the_login_of_its_role() {
        try (var application = start()) {
            application.getBean(TenantDataSource.class).admit();
            assertThat(application.getBeansOfType(DataSource.class).values().stream()
                            .map(pool -> new JdbcTemplate(pool).queryForObject("select current_user", String.class)))
                    .containsExactlyInAnyOrder(
                            "postrider_tenant_login",
                            "postrider_dispatcher_login",
                            "postrider_dispatcher_login", // admission
                            "postrider_dispatcher_login", // listening
                            "postrider_operator_login",
                            "postrider_analyst_login",
                            "postrider_analyst_login"); // the probe
        }
    }

    private static ConfigurableApplicationContext start(String... settings) {
        return new SpringApplicationBuilder(
                        DataSources.class, OwnDatabaseConfiguration.class, SecretsConfiguration.class)
                .web(WebApplicationType.NONE)
                .run(Stream.concat(Stream.of(TestDatabase.settings(DATABASE.location())), Stream.of(settings))
                        .map(setting -> "--" + setting)
                        .toArray(String[]::new));
    }

    private static void make(String login, String options) {
        DATABASE.sql().execute("create role %s login password 'test' %s".formatted(login, options));
        made.add(login);
    }

    private static RoleLogins logins(String tenant, String password) {
        return logins(tenant, password, new RoleLogins.Login("postrider_analyst_login", derived("analyst")));
    }

    private static RoleLogins logins(String tenant, String password, RoleLogins.Login analyst) {
        return new RoleLogins(
                new RoleLogins.Login("postrider_owner_login", derived("owner")),
                new RoleLogins.Login(tenant, password),
                new RoleLogins.Login("postrider_dispatcher_login", derived("dispatcher")),
                new RoleLogins.Login("postrider_operator_login", derived("operator")),
                analyst);
    }

    private static String derived(String role) {
        return DATABASE.secrets().rolePassword(role);
    }
}
