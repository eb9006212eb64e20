package dev.postrider.outbound;

import dev.postrider.testkit.RunningApplication;
import org.springframework.jdbc.core.JdbcTemplate;

/** One application for all tests of deliveries: they may reach 127.0.0.1, but not ::1. */
abstract class OutboundTest {

    static final RunningApplication APPLICATION = RunningApplication.start(
            "postrider.outbound.allowed-networks=127.0.0.1/32", "postrider.limits.response-capture=1000B");

    /** Sees everything: a superuser's. */
    static final JdbcTemplate EVERYTHING = APPLICATION.sql();
}
