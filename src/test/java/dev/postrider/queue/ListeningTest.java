package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.NeedsPgBouncer;
import dev.postrider.testkit.PgBouncer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import javax.sql.DataSource;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.postgresql.ds.PGSimpleDataSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** The wake-up connection: it comes back from every loss, there is never a second one, and deafness is noticed. */
@ExtendWith(OutputCaptureExtension.class)
class ListeningTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final String LISTENING = "select pid from pg_stat_activity"
            + " where datname = current_database() and application_name = 'listening under test'";
    private static final String WARNING = "Notifications on postrider_wake do not arrive";

    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    private final DefaultCamelContext camel = new DefaultCamelContext();

    @AfterEach
    void stop() {
        camel.stop();
        await().until(() -> listening().isEmpty());
    }

    @Test
    void it_hears_again_within_5_s_of_each_of_20_kills_and_never_listens_twice() throws Exception {
        listen(login(DATABASE.location().directUrl()), Duration.ofMinutes(1));
        for (int kill = 1; kill <= 20; kill++) {
            await().until(() -> listening().size() == 1);
            int killed = listening().get(0);
            DATABASE.sql().queryForList("select pg_terminate_backend(?)", killed);
            long begun = System.nanoTime();
            String word = "after kill " + kill;
            await().pollInterval(Duration.ofMillis(100)).until(() -> {
                assertThat(listening().size()).as(word).isLessThanOrEqualTo(1);
                notify(word);
                return received.contains(word);
            });
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).as(word).isLessThan(Duration.ofSeconds(5));
            assertThat(listening()).as(word).hasSize(1).doesNotContain(killed);
        }
    }

    @Test
    void stops_and_starts_of_the_route_in_quick_succession_leave_one_connection() throws Exception {
        long others = threads();
        listen(login(DATABASE.location().directUrl()), Duration.ofMinutes(1));
        for (int i = 0; i < 30; i++) {
            camel.getRouteController().stopRoute("listening");
            camel.getRouteController().startRoute("listening");
        }
        await().until(() -> listening().size() == 1);
        await().during(Duration.ofSeconds(2)).until(() -> listening().size() == 1);

        received.clear();
        notify("once");
        await().until(() -> received.contains("once"));
        assertThat(received).as("not received twice").containsOnlyOnce("once");
        assertThat(threads()).isEqualTo(others + 1);
    }

    @Test
    void no_probe_of_any_node_reaches_the_route_and_what_arrives_together_is_told_once_each() throws Exception {
        listen(login(DATABASE.location().directUrl()), Duration.ofMinutes(1));
        await().until(() -> received.remove(""));
        DATABASE.sql().queryForList("""
                select pg_notify('postrider_wake', payload)
                  from unnest(array['probe another', '', 'cancel', 'probe another', '', 'cancel']) payload""");
        await().until(() -> received.size() == 2);
        assertThat(received).containsExactlyInAnyOrder("", "cancel");
    }

    @Test
    @ExtendWith(NeedsPgBouncer.class)
    void behind_a_transaction_pooler_it_says_once_that_it_is_deaf_and_which_setting_helps(CapturedOutput output)
            throws Exception {
        try (PgBouncer pooler = PgBouncer.start(DATABASE.location())) {
            PGSimpleDataSource dataSource =
                    login(pooler.before(DATABASE.location()).url());
            listen(dataSource, Duration.ofMillis(500));
            await().until(() -> output.getOut().contains(WARNING));
            assertThat(output.getOut()).contains("postrider.database.direct-url");
            int logins = logins(pooler);
            await().until(() -> logins(pooler) >= logins + 3);
            assertThat(output.getOut()).containsOnlyOnce(WARNING);

            dataSource.setUrl(DATABASE.location().directUrl());
            await().until(() -> output.getOut().contains("Listening on postrider_wake again"));
            notify("heard");
            await().until(() -> received.contains("heard"));
        }
    }

    private void listen(DataSource dataSource, Duration retry) throws Exception {
        camel.addComponent(
                "pgevent",
                new ListeningComponent(
                        login(DATABASE.location().directUrl(), "speaking"), Duration.ofSeconds(2), retry));
        camel.getRegistry().bind("listening", dataSource);
        camel.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("pgevent:direct/postrider/postrider_wake?datasource=#listening")
                        .routeId("listening")
                        .process(exchange -> received.add(exchange.getIn().getBody(String.class)));
            }
        });
        camel.start();
    }

    private static PGSimpleDataSource login(String url) {
        return login(url, "listening under test");
    }

    private static PGSimpleDataSource login(String url, String name) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(url);
        dataSource.setUser("postrider_dispatcher_login");
        dataSource.setPassword(DATABASE.secrets().rolePassword("dispatcher"));
        dataSource.setApplicationName(name);
        return dataSource;
    }

    private static int logins(PgBouncer pooler) {
        return pooler.logins().getOrDefault("postrider_dispatcher_login", 0);
    }

    private static void notify(String payload) {
        DATABASE.sql().queryForList("select pg_notify('postrider_wake', ?)", payload);
    }

    private static List<Integer> listening() {
        return DATABASE.sql().queryForList(LISTENING, Integer.class);
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("listen-postrider_wake"))
                .count();
    }
}
