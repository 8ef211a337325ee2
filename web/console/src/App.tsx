import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router/dom";

import { ApiProblem, isProblem } from "./api/problem";
import { router } from "./routes";
import { theme } from "./theme";

/** A call that did not reach the server is tried this often; an answer, also a refusal, is an answer. */
const RETRIES = 2;

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < RETRIES && error instanceof ApiProblem && (error.status === 0 || error.status >= 500),
    },
  },
  queryCache: new QueryCache({
    // Signed out meanwhile: whoever asks *who am I* next goes to the sign-in page and comes back.
    onError: (error, query) => {
      if (isProblem(error, 401) && query.queryKey[0] !== "me") void client.resetQueries({ queryKey: ["me"] });
    },
  }),
});

export const App = () => (
  <MantineProvider theme={theme} defaultColorScheme="auto">
    <QueryClientProvider client={client}>
      <Notifications position="bottom-right" limit={4} />
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>
);
