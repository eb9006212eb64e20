package dev.postrider.operations;

import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.actuate.autoconfigure.security.servlet.EndpointRequest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.crypto.factory.PasswordEncoderFactories;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CookieCsrfTokenRepository;
import org.springframework.security.web.csrf.CsrfFilter;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.security.web.csrf.CsrfTokenRequestAttributeHandler;
import org.springframework.security.web.csrf.CsrfTokenRequestHandler;
import org.springframework.security.web.csrf.XorCsrfTokenRequestAttributeHandler;
import org.springframework.security.web.util.matcher.RequestMatcher;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Guards the management port: health and metrics are open, Hawtio and Jolokia need the operator's login.
 *
 * <p>Health says up or down and nothing else, and metrics hold no tenant's data; probes and scrapers rarely can log in.
 * The port is meant for the inside of a cluster, not for an ingress.
 */
@Configuration(proxyBeanMethods = false)
class ManagementSecurity {

    private static final Logger log = LoggerFactory.getLogger(ManagementSecurity.class);

    @Bean
    @Order(1)
    SecurityFilterChain managementSecurityChain(HttpSecurity http, Secrets secrets, Environment environment)
            throws Exception {
        refuseOnePort(environment);
        if (secrets.operatorPassword().isEmpty()) {
            log.info("Nobody can log in to Hawtio: postrider.operator.password is not given");
        }
        return http.securityMatcher(onManagementPort(environment))
                .authorizeHttpRequests(requests -> requests.requestMatchers(EndpointRequest.to("health", "prometheus"))
                        .permitAll()
                        .anyRequest()
                        .authenticated())
                .userDetailsService(operators(secrets))
                .formLogin(form -> form.defaultSuccessUrl("/actuator/hawtio/"))
                .logout(logout -> logout.logoutRequestMatcher(ManagementSecurity::isLogout)
                        .logoutSuccessUrl("/login?logout"))
                .csrf(csrf -> csrf.csrfTokenRepository(CookieCsrfTokenRepository.withHttpOnlyFalse())
                        .csrfTokenRequestHandler(new TokenFromCookieOrForm()))
                .addFilterAfter(new TokenIntoCookie(), CsrfFilter.class)
                .build();
    }

    /** Requests are told apart by port, not by path: whatever Hawtio registers is guarded, also what we do not know. */
    private static RequestMatcher onManagementPort(Environment environment) {
        return request -> {
            Integer port = environment.getProperty("local.management.port", Integer.class);
            return port != null && port == request.getLocalPort();
        };
    }

    /** Hawtio's own menu entry; its login is not in use, so it would end nothing. */
    private static boolean isLogout(HttpServletRequest request) {
        return request.getRequestURI().endsWith("/auth/logout");
    }

    private static void refuseOnePort(Environment environment) {
        String port = environment.getProperty("server.port", "8080");
        String management = environment.getProperty("management.server.port", port);
        if (management.equals(port) && !port.equals("0")) {
            throw new StartupException(
                    "The API and the operators' console would share port %s.".formatted(port),
                    "Give management.server.port another value than server.port: the API may face the internet, the"
                            + " console must not.");
        }
    }

    private static UserDetailsService operators(Secrets secrets) {
        PasswordEncoder encoder = PasswordEncoderFactories.createDelegatingPasswordEncoder();
        InMemoryUserDetailsManager operators = new InMemoryUserDetailsManager();
        secrets.operatorPassword()
                .ifPresent(password -> operators.createUser(User.withUsername(secrets.operatorUsername())
                        .password(encoder.encode(password))
                        .roles("OPERATOR")
                        .build()));
        return operators;
    }

    /** Takes the token as it stands in the cookie from Hawtio's scripts, and masked from the login form. */
    private static final class TokenFromCookieOrForm implements CsrfTokenRequestHandler {

        private final CsrfTokenRequestHandler plain = new CsrfTokenRequestAttributeHandler();
        private final CsrfTokenRequestHandler masked = new XorCsrfTokenRequestAttributeHandler();

        @Override
        public void handle(HttpServletRequest request, HttpServletResponse response, Supplier<CsrfToken> token) {
            masked.handle(request, response, token);
        }

        @Override
        public String resolveCsrfTokenValue(HttpServletRequest request, CsrfToken token) {
            boolean fromScript = request.getHeader(token.getHeaderName()) != null;
            return (fromScript ? plain : masked).resolveCsrfTokenValue(request, token);
        }
    }

    /** Spring Security makes the token only when something asks for it; Hawtio's scripts look for the cookie. */
    private static final class TokenIntoCookie extends OncePerRequestFilter {

        @Override
        protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
                throws ServletException, IOException {
            if (request.getAttribute(CsrfToken.class.getName()) instanceof CsrfToken token) {
                token.getToken();
            }
            chain.doFilter(request, response);
        }
    }
}
