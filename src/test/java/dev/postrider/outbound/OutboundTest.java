package dev.postrider.outbound;

import dev.postrider.Postrider;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.TestDatabase;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** One application as it is shipped, for all tests of deliveries: 127.0.0.1 is allowed, ::1 is not. */
@SpringBootTest(
        classes = Postrider.class,
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "management.server.port=0",
            "postrider.demo.api-key=" + OutboundTest.DEMO_KEY,
            "postrider.outbound.allowed-networks=127.0.0.1/32",
            "postrider.limits.response-capture=1000B"
        })
abstract class OutboundTest {

    static final String DEMO_KEY = "prk_of-the-outbound-tests";
    static final DatabaseLocation DATABASE = TestDatabase.newDatabase();

    /** Sees everything: a superuser's. */
    static final JdbcTemplate EVERYTHING =
            new JdbcTemplate(new DriverManagerDataSource(DATABASE.url(), DATABASE.username(), DATABASE.password()));

    @DynamicPropertySource
    static void settings(DynamicPropertyRegistry registry) {
        for (String setting : TestDatabase.settings(DATABASE)) {
            String[] pair = setting.split("=", 2);
            registry.add(pair[0], () -> pair[1]);
        }
    }
}
